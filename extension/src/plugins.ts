import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette, WidgetTracker } from '@jupyterlab/apputils';
import { EditorExtensionRegistry, IEditorExtensionRegistry } from '@jupyterlab/codemirror';
import { PathExt } from '@jupyterlab/coreutils';
import type { DocumentWidget } from '@jupyterlab/docregistry';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker, type NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { Toolbar } from '@jupyterlab/ui-components';
import { Token } from '@lumino/coreutils';
import { Cells } from './cells';
import { act, addCommands } from './commands';
import { Comparisons } from './comparing';
import { DashboardTabs } from './dashboard';
import { Deeds, tried } from './deeds';
import { addRunDocuments, FACTORY } from './documents';
import { Tabs } from './open';
import { Exports } from './exporting';
import { addRunOutputs } from './outputs';
import { addDashboardOutputs } from './opening';
import { RunsPanel } from './panel';
import { tellKernels } from './prefer';
import { questions } from './question';
import { type Row, Server } from './server';
import { PLUGIN, Preferences } from './settings';
import { Sightings } from './sightings';
import { TotalItem } from './status';
import { Total } from './total';
import { translate } from './translation';

export const OPEN = 'rlm-lab:open-run';
export const COMPARE = 'rlm-lab:compare-runs';

/** What the plugins share. */
interface Shared {
  server: Server;
  tabs: Tabs;
  preferences: Preferences;
  sightings: Sightings;
  deeds: Deeds;
  dashboards: DashboardTabs;
  comparisons: Comparisons;
  exports: Exports;
}

const IShared = new Token<Shared>('rlm-lab:IShared', 'What the plugins of rlm-lab share.');

export const main: JupyterFrontEndPlugin<Shared> = {
  id: PLUGIN,
  description: 'Shows runs of recursive language models in tabs and in saved outputs.',
  autoStart: true,
  provides: IShared,
  optional: [ITranslator, ILayoutRestorer, ISettingRegistry, IRenderMimeRegistry, INotebookTracker, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null,
    registry: ISettingRegistry | null,
    rendermime: IRenderMimeRegistry | null,
    notebooks: INotebookTracker | null,
    labShell: ILabShell | null // in Notebook 7 there is none: no tabs beside
  ): Shared => {
    const trans = (translator ?? nullTranslator).load('rlm-lab');
    translate(trans);
    const server = new Server(app.serviceManager.serverSettings);
    const exports = new Exports(server, trans);
    const tabs = new Tabs(app, server, (toolbar, path) => exports.addTo(toolbar, path));
    const preferences = new Preferences(registry);
    const sightings = new Sightings();
    const deeds = new Deeds(app, notebooks, server, sightings, trans);
    const dashboards = new DashboardTabs(labShell, trans);
    const comparisons = new Comparisons(app, server, trans);
    preferences.changed.connect(() => {
      document.body.dataset['rlmLabCode'] = preferences.codeTheme;
    });
    app.commands.addCommand(OPEN, {
      label: trans.__('Open Run'),
      describedBy: { args: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] } },
      execute: ({ path }) => {
        if (typeof path === 'string') {
          tabs.open(path);
        }
      }
    });
    app.commands.addCommand(COMPARE, {
      label: trans.__('Compare Runs'),
      describedBy: {
        args: { type: 'object', properties: { paths: { type: 'array', items: { type: 'string' } } }, required: ['paths'] }
      },
      execute: ({ paths }) => {
        if (Array.isArray(paths)) {
          comparisons.open(paths.map(String));
        }
      }
    });
    void restorer?.restore(comparisons.tracker, {
      command: COMPARE,
      args: tab => ({ paths: tab.content.paths }),
      name: tab => tab.content.paths.join('|')
    });
    void restorer?.restore(tabs.tracker, {
      command: OPEN,
      args: tab => ({ path: tabs.pathOf(tab) }),
      name: tab => tabs.pathOf(tab)
    });
    if (rendermime) {
      addRunOutputs({
        server,
        rendermime,
        trans,
        revive: () => preferences.savedOutputs,
        open: labShell ? path => tabs.open(path) : null,
        ended: () => sightings.ended.emit()
      });
      if (labShell) {
        addDashboardOutputs({ rendermime, notebooks, dashboards, trans });
      }
    }
    return { server, tabs, preferences, sightings, deeds, dashboards, comparisons, exports };
  }
};

export const documents: JupyterFrontEndPlugin<void> = {
  id: 'rlm-lab:documents',
  description: 'Opens the files of runs in the view.',
  autoStart: true,
  requires: [IShared],
  optional: [ITranslator, ILayoutRestorer],
  activate: (app: JupyterFrontEnd, shared: Shared, translator: ITranslator | null, restorer: ILayoutRestorer | null) => {
    const { server, exports } = shared;
    const trans = (translator ?? nullTranslator).load('rlm-lab');
    const tools = (toolbar: Toolbar, path: () => string): void => exports.addTo(toolbar, path);
    const factory = addRunDocuments({ registry: app.docRegistry, server, trans, tools });
    const tracker = new WidgetTracker<DocumentWidget>({ namespace: 'rlm-lab-document' });
    factory.widgetCreated.connect((_, widget) => {
      void tracker.add(widget);
      widget.context.pathChanged.connect(() => void tracker.save(widget));
    });
    void restorer?.restore(tracker, {
      command: 'docmanager:open',
      args: widget => ({ path: widget.context.path, factory: FACTORY }),
      name: widget => widget.context.path
    });
  }
};

export const panel: JupyterFrontEndPlugin<void> = {
  id: 'rlm-lab:panel',
  description: 'Lists the runs of the current folder beside the file browser.',
  autoStart: true,
  requires: [IShared],
  optional: [ITranslator, IDefaultFileBrowser, ILayoutRestorer, ILabShell],
  activate: (
    app: JupyterFrontEnd,
    shared: Shared,
    translator: ITranslator | null,
    browser: IDefaultFileBrowser | null,
    restorer: ILayoutRestorer | null,
    labShell: ILabShell | null
  ) => {
    if (!labShell) {
      return; // a run would have no tab to open in
    }
    const { server, tabs, deeds, sightings, comparisons, exports } = shared;
    const trans = (translator ?? nullTranslator).load('rlm-lab');
    const folder = (): string => app.serviceManager.contents.localPath(browser?.model.path ?? '');
    const open = (path: string): void => tabs.open(path);
    const gone = (path: string): void => tabs.close(path);
    const compare = (paths: string[]): void => comparisons.open(paths);
    const runs = new RunsPanel({ server, trans, folder, open, compare, gone, deeds, sightings, exports });
    browser?.model.pathChanged.connect(() => {
      if (runs.isVisible) {
        void runs.look();
      }
    });
    app.shell.add(runs, 'left', { rank: 550, type: 'Runs' });
    restorer?.add(runs, 'rlm-lab-runs');
  }
};

export const cells: JupyterFrontEndPlugin<void> = {
  id: 'rlm-lab:cells',
  description: 'Shows the questions of a notebook as prose, with what came of them.',
  autoStart: true,
  requires: [IShared],
  optional: [ITranslator, IEditorExtensionRegistry, IStatusBar],
  activate: (
    app: JupyterFrontEnd,
    shared: Shared,
    translator: ITranslator | null,
    editors: IEditorExtensionRegistry | null,
    statusBar: IStatusBar | null
  ) => {
    const { preferences, sightings, server, deeds } = shared;
    const trans = (translator ?? nullTranslator).load('rlm-lab');
    const total = new Total(performance.timeOrigin, trans, sessionStorage);
    editors?.addExtension({
      name: 'rlm-lab:questions',
      factory: ({ inline }) => (inline ? EditorExtensionRegistry.createImmutableExtension(questions) : null)
    });
    app.docRegistry.addWidgetExtension('Notebook', {
      createNew: (notebook: NotebookPanel) =>
        new Cells(notebook, {
          trans,
          sightings,
          wanted: () => preferences.badges,
          heard: told => total.add(told),
          runs: path => runsBeside(server, path),
          act: (action, cell, panel, told) => void tried(() => act({ deeds }, action, cell, panel, told))
        })
    });
    statusBar?.registerStatusItem('rlm-lab:total', {
      item: new TotalItem(total, trans),
      align: 'left',
      rank: 50,
      isActive: () => total.text !== '',
      activeStateChanged: total.changed
    });
  }
};

async function runsBeside(server: Server, notebook: string): Promise<Row[]> {
  try {
    return (await server.rows(PathExt.dirname(notebook))).runs;
  } catch {
    return [];
  }
}

export const commands: JupyterFrontEndPlugin<void> = {
  id: 'rlm-lab:commands',
  description: 'Steers the run of the notebook in front.',
  autoStart: true,
  requires: [IShared, INotebookTracker],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    shared: Shared,
    notebooks: INotebookTracker,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ) => {
    const { preferences, deeds, dashboards } = shared;
    tellKernels(notebooks, preferences);
    addCommands({ app, notebooks, palette, preferences, deeds, dashboards, trans: (translator ?? nullTranslator).load('rlm-lab') });
  }
};
