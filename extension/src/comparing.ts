// Runs side by side in a tab: the shared compare page, drawn from what the server tells. Its module is loaded when it is first shown.
import { type JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { UUID } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';
import address from 'rlm-lab-compare';
import { runIcon } from './icon';
import type { Server } from './server';

interface CompareModule {
  mount(
    element: HTMLElement,
    host: { send: (said: unknown) => void; file: boolean }
  ): { update(message: unknown): void; destroy(): void };
}

export type ComparisonTab = MainAreaWidget<ComparisonView>;

export class ComparisonView extends Widget {
  private end: () => void = () => undefined;

  constructor(
    private readonly server: Server,
    readonly paths: string[]
  ) {
    super();
    this.addClass('rlm-lab-Run');
    void this.draw();
  }

  override dispose(): void {
    this.end();
    super.dispose();
  }

  private async draw(): Promise<void> {
    try {
      const [module, told] = await Promise.all([
        import(/* webpackIgnore: true */ address) as Promise<CompareModule>,
        this.server.comparison(this.paths)
      ]);
      if (!this.isDisposed) {
        const element = document.createElement('div');
        element.className = 'rlm-lab-Run-view';
        this.node.replaceChildren(element);
        const handle = module.mount(element, { send: () => undefined, file: true });
        this.end = () => handle.destroy();
        handle.update(told);
      }
    } catch (error) {
      const line = document.createElement('p');
      line.className = 'rlm-lab-Run-trouble';
      line.setAttribute('role', 'alert');
      line.textContent = error instanceof Error ? error.message : String(error);
      this.node.replaceChildren(line);
    }
  }
}

export class Comparisons {
  readonly tracker = new WidgetTracker<ComparisonTab>({ namespace: 'rlm-lab-comparison' });

  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly server: Server,
    private readonly trans: TranslationBundle
  ) {}

  open(paths: string[]): void {
    const tab = new MainAreaWidget({ content: new ComparisonView(this.server, paths) });
    tab.id = `rlm-lab-comparison-${UUID.uuid4()}`;
    tab.title.label = this.trans._n('Compare %1 run', 'Compare %1 runs', paths.length);
    tab.title.caption = paths.join('\n');
    tab.title.icon = runIcon;
    tab.title.closable = true;
    void this.tracker.add(tab);
    this.app.shell.add(tab, 'main');
    this.app.shell.activateById(tab.id);
  }
}
