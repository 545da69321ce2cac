// `%rlm dashboard` opens a tab beside its notebook; what was saved of it opens nothing by itself, and stays a link elsewhere.
import type { Cell, ICellModel } from '@jupyterlab/cells';
import { type INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import type { DashboardTabs } from './dashboard';
import { kernelOf, tried } from './deeds';
import { element } from './dom';

const MIME = 'application/vnd.rlm-lab.dashboard+json';
const RANK = 30; // before HTML, which is the link

export interface Around {
  rendermime: IRenderMimeRegistry;
  notebooks: INotebookTracker | null;
  dashboards: DashboardTabs;
  trans: TranslationBundle;
}

export function addDashboardOutputs(around: Around): void {
  const { notebooks } = around;
  if (notebooks) {
    const asked: Asked = { ran: new WeakSet(), opened: new Set() };
    NotebookActions.executionScheduled.connect((_: unknown, { cell }: { cell: Cell }) => void asked.ran.add(cell.model));
    const createRenderer = (): Opening => new Opening(around, notebooks, asked);
    around.rendermime.addFactory({ safe: true, mimeTypes: [MIME], defaultRank: RANK, createRenderer }, RANK);
  }
}

/** Cells that were run in this page, and what they opened: what was saved, or is drawn again, opens nothing. */
interface Asked {
  ran: WeakSet<ICellModel>;
  opened: Set<string>;
}

class Opening extends Widget implements IRenderMime.IRenderer {
  private told = '';
  private saved: IRenderMime.IRenderer | null = null; // the link, as other front ends show it

  constructor(
    private readonly around: Around,
    private readonly notebooks: INotebookTracker,
    private readonly asked: Asked
  ) {
    super();
    this.addClass('rlm-lab-Output');
  }

  override dispose(): void {
    this.saved?.dispose();
    super.dispose();
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const { rendermime, trans } = this.around;
    this.saved ??= rendermime.createRenderer('text/html');
    await this.saved.renderModel(model);
    const button = element('button', { type: 'button', click: () => this.open() }, trans.__('Open the dashboard in a tab beside'));
    this.node.replaceChildren(this.saved.node, element('div', { class: 'rlm-lab-Output-bar' }, button));
    const told = model.data[MIME] as { id?: unknown } | null;
    this.told = typeof told?.id === 'string' ? told.id : '';
    this.openOnce();
  }

  protected override onAfterAttach(_: Message): void {
    this.openOnce();
  }

  private openOnce(): void {
    const panel = this.panel;
    const cell = panel?.content.widgets.find(one => one.node.contains(this.node));
    if (cell && this.told && this.asked.ran.has(cell.model) && !this.asked.opened.has(this.told)) {
      this.asked.opened.add(this.told);
      this.open();
    }
  }

  private open(): void {
    const panel = this.panel;
    if (panel && kernelOf(panel)) {
      void tried(() => this.around.dashboards.open(panel));
    }
  }

  private get panel(): NotebookPanel | undefined {
    return this.notebooks.find(one => one.content.node.contains(this.node));
  }
}
