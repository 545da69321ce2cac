import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { WidgetTracker } from "@jupyterlab/apputils";
import type { DocumentWidget } from "@jupyterlab/docregistry";
import { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { ISettingRegistry } from "@jupyterlab/settingregistry";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";
import { Token } from "@lumino/coreutils";
import { addRunDocuments, FACTORY } from "./documents";
import { Tabs } from "./open";
import { addRunOutputs } from "./outputs";
import { Server } from "./server";
import { PLUGIN, Preferences } from "./settings";

export const OPEN = "rlm-lab:open-run";

/** What the plugins share. */
interface Shared {
  server: Server;
  tabs: Tabs;
  preferences: Preferences;
}

const IShared = new Token<Shared>("rlm-lab:IShared", "What the plugins of rlm-lab share.");

export const main: JupyterFrontEndPlugin<Shared> = {
  id: PLUGIN,
  description: "Shows runs of recursive language models in tabs and in saved outputs.",
  autoStart: true,
  provides: IShared,
  optional: [ITranslator, ILayoutRestorer, ISettingRegistry, IRenderMimeRegistry],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    registry: ISettingRegistry | null,
    rendermime: IRenderMimeRegistry | null,
  ): Shared => {
    const trans = (translator ?? nullTranslator).load("rlm-lab");
    const server = new Server(app.serviceManager.serverSettings);
    const tabs = new Tabs(app, server);
    const preferences = new Preferences(registry);
    app.commands.addCommand(OPEN, {
      label: trans.__("Open Run"),
      execute: ({ path }) => {
        if (typeof path === "string") {
          tabs.open(path);
        }
      },
    });
    void restorer?.restore(tabs.tracker, {
      command: OPEN,
      args: (tab) => ({ path: tabs.pathOf(tab) }),
      name: (tab) => tabs.pathOf(tab),
    });
    if (rendermime) {
      addRunOutputs({ server, rendermime, trans, revive: () => preferences.savedOutputs, open: (path) => tabs.open(path) });
    }
    return { server, tabs, preferences };
  },
};

export const documents: JupyterFrontEndPlugin<void> = {
  id: "rlm-lab:documents",
  description: "Opens the files of runs in the view.",
  autoStart: true,
  requires: [IShared],
  optional: [ITranslator, ILayoutRestorer],
  activate: (app: JupyterFrontEnd, { server }: Shared, translator: ITranslator | null, restorer: ILayoutRestorer | null) => {
    const trans = (translator ?? nullTranslator).load("rlm-lab");
    const factory = addRunDocuments(app.docRegistry, server, trans);
    const tracker = new WidgetTracker<DocumentWidget>({ namespace: "rlm-lab-document" });
    factory.widgetCreated.connect((_, widget) => {
      void tracker.add(widget);
      widget.context.pathChanged.connect(() => void tracker.save(widget));
    });
    void restorer?.restore(tracker, {
      command: "docmanager:open",
      args: (widget) => ({ path: widget.context.path, factory: FACTORY }),
      name: (widget) => widget.context.path,
    });
  },
};
