// Runs in tabs of their own: also those in `.rlm/runs`, which Jupyter's contents, and so its documents, do not show.
import { type JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { Toolbar } from '@jupyterlab/ui-components';
import { UUID } from '@lumino/coreutils';
import { runIcon } from './icon';
import { RunView } from './run';
import { type Server, SUFFIX } from './server';

export type RunTab = MainAreaWidget<RunView>;

export class Tabs {
  readonly tracker = new WidgetTracker<RunTab>({ namespace: 'rlm-lab-run' });
  private readonly paths = new Map<RunTab, string>();

  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly server: Server,
    private readonly tools: (toolbar: Toolbar, path: () => string) => void
  ) {}

  /** Opens a run, or shows the tab that has it open. */
  open(path: string): void {
    const known = this.tracker.find(tab => this.paths.get(tab) === path);
    const tab = known ?? this.made(path);
    if (!tab.isAttached) {
      this.app.shell.add(tab, 'main');
    }
    this.app.shell.activateById(tab.id);
  }

  close(path: string): void {
    this.tracker.find(tab => this.paths.get(tab) === path)?.dispose();
  }

  pathOf(tab: RunTab): string {
    return this.paths.get(tab) ?? '';
  }

  private made(path: string): RunTab {
    const tab = new MainAreaWidget({ content: new RunView(this.server, { path }) });
    tab.id = `rlm-lab-run-${UUID.uuid4()}`;
    tab.title.label = PathExt.basename(path).replace(SUFFIX, '');
    tab.title.caption = path;
    tab.title.icon = runIcon;
    tab.title.closable = true;
    this.tools(tab.toolbar, () => path);
    this.paths.set(tab, path);
    tab.disposed.connect(() => this.paths.delete(tab));
    void this.tracker.add(tab);
    return tab;
  }
}
