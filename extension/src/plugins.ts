import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { WidgetTracker } from "@jupyterlab/apputils";
import type { DocumentWidget } from "@jupyterlab/docregistry";
import { ITranslator, nullTranslator } from "@jupyterlab/translation";
import { addRunDocuments, FACTORY } from "./documents";
import { Server } from "./server";

export const documents: JupyterFrontEndPlugin<void> = {
  id: "rlm-lab:documents",
  description: "Opens the files of runs in the view.",
  autoStart: true,
  optional: [ITranslator, ILayoutRestorer],
  activate: (app: JupyterFrontEnd, translator: ITranslator | null, restorer: ILayoutRestorer | null) => {
    const trans = (translator ?? nullTranslator).load("rlm-lab");
    const factory = addRunDocuments(app.docRegistry, new Server(app.serviceManager.serverSettings), trans);
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
