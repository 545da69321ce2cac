// What stands at the foot of a question's cell: the state of its run, its calls and its cost, and what can be done. Its outputs say
// which run it is, and what it came to; what a live one does the kernel tells. Nothing is written into the notebook before the user
// says so.
import type { CodeCell, ICodeCellModel } from '@jupyterlab/cells';
import { NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { Kernel } from '@jupyterlab/services';
import { CellBar } from './bar';
import { links } from './link';
import { withFile } from './live';
import { isOver, MIME, type Told, toldBy } from './payload';
import type { Row } from './server';
import type { Sighting, Sightings } from './sightings';
import { type Action, offers } from './states';
import { badge, isQuestion, statusWord } from './words';

const PAUSE = 250; // ms between two looks
const LIVE = new Set(['running', 'paused']);
const GONE = new Set(['restarting', 'autorestarting', 'terminating', 'dead']);

export interface Around {
  trans: TranslationBundle;
  sightings: Sightings;
  wanted: () => boolean;
  heard: (told: Told) => void;
  /** The runs of a notebook's folder, none where the server does not say. */
  runs: (notebook: string) => Promise<Row[]>;
  act: (action: Action, cell: CodeCell, panel: NotebookPanel, told: Told | null) => void;
}

export class Cells implements IDisposable {
  isDisposed = false;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly bars = new Map<CodeCell, CellBar>();
  private readonly lost = new WeakMap<ICodeCellModel, string>();
  private readonly filed = new Map<string, Row>(); // how runs ended that no kernel tells of
  private readonly unsaved = new Map<ICodeCellModel, Row>();
  private asked = false;
  private askedForUnsaved = false;

  constructor(
    private readonly panel: NotebookPanel,
    private readonly around: Around
  ) {
    panel.content.modelContentChanged.connect(this.soon, this);
    panel.content.modelChanged.connect(this.soon, this);
    NotebookActions.executionScheduled.connect(this.soon, this);
    NotebookActions.executed.connect(this.soon, this);
    panel.sessionContext.statusChanged.connect(this.changed, this);
    panel.sessionContext.kernelChanged.connect(this.exchanged, this);
    links.changed.connect(this.told, this);
    around.sightings.ended.connect(this.askAgain, this);
    panel.disposed.connect(this.dispose, this);
    this.watch();
    void Promise.all([panel.revealed, panel.context.ready]).then(() => this.soon());
  }

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.isDisposed = true;
    if (this.timer !== null) {
      clearTimeout(this.timer);
    }
    this.panel.content.modelContentChanged.disconnect(this.soon, this);
    this.panel.content.modelChanged.disconnect(this.soon, this);
    NotebookActions.executionScheduled.disconnect(this.soon, this);
    NotebookActions.executed.disconnect(this.soon, this);
    this.panel.sessionContext.statusChanged.disconnect(this.changed, this);
    this.panel.sessionContext.kernelChanged.disconnect(this.exchanged, this);
    links.changed.disconnect(this.told, this);
    this.around.sightings.ended.disconnect(this.askAgain, this);
    this.bars.forEach(bar => bar.dispose());
    this.around.sightings.forget(this.panel);
  }

  private get kernel(): Kernel.IKernelConnection | null {
    return this.panel.sessionContext.session?.kernel ?? null;
  }

  private watch(): void {
    if (this.kernel) {
      links.watch(this.kernel);
    }
  }

  private told(_: unknown, kernel: string): void {
    if (kernel === this.kernel?.id) {
      this.soon();
    }
  }

  private soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.look();
    }, PAUSE);
  }

  /** What was not over when the kernel went is interrupted: its variables are gone, its file is not. */
  private changed(_: unknown, status: string): void {
    if (GONE.has(status)) {
      this.lose();
    }
    this.askedForUnsaved &&= !this.unsaved.size; // it may have come further
    this.askAgain();
  }

  private askAgain(): void {
    this.asked = false;
    this.soon();
  }

  private exchanged(
    _: unknown,
    { oldValue, newValue }: { oldValue: { id: string } | null; newValue: { id: string } | null }
  ): void {
    if (oldValue && oldValue.id !== newValue?.id) {
      this.lose();
    }
    this.watch();
    this.askAgain();
  }

  private lose(): void {
    for (const cell of this.codeCells()) {
      const told = lastTold(cell.model);
      if (told && !isOver(told)) {
        this.lost.set(cell.model, told.id);
      }
    }
  }

  private codeCells(): CodeCell[] {
    return this.panel.content.widgets.filter((cell): cell is CodeCell => cell.model.type === 'code');
  }

  private look(): void {
    if (this.isDisposed || this.panel.isDisposed || !this.panel.content.model) {
      return;
    }
    const cells = this.codeCells();
    this.live.forEach((_, run) => this.filed.delete(run)); // it may go on: taken back, or resumed
    const seen = cells.flatMap(cell => this.seen(cell));
    // The last cell that shows a run tells its state. What the kernel has told of another is of one that was asked in Python.
    const now = new Map([...this.live.values(), ...seen.map(one => one.told)].map(told => [told.id, told]));
    this.around.sightings.tell(this.panel, seen, [...now.values()]);
    now.forEach(told => this.around.heard(told));
    for (const cell of cells) {
      this.mark(cell, now);
    }
    for (const [cell, bar] of this.bars) {
      if (cell.isDisposed) {
        bar.dispose();
        this.bars.delete(cell);
      }
    }
    this.ask(cells);
    this.askForUnsaved(cells);
  }

  /** The run that a cell shows: as the kernel tells it, where it does, else as the output does, or its file where that tells an end. */
  private shown(cell: CodeCell): Told | null {
    const told = lastTold(cell.model);
    return told && (this.live.get(told.id) ?? withFile(told, this.filed.get(told.id)));
  }

  private get live(): Map<string, Told> {
    return links.of(this.kernel)?.runs ?? new Map<string, Told>();
  }

  private seen(cell: CodeCell): Sighting[] {
    const told = this.shown(cell);
    if (!told) {
      return [];
    }
    const gone = this.lost.get(cell.model) === told.id && !isOver(told) && !isBusy(cell.model);
    return [{ told: gone ? { ...told, status: 'interrupted' } : told, cell, panel: this.panel }];
  }

  /** How runs have ended that no kernel tells of: of those that went on when the notebook was saved only their files know. */
  private ask(cells: CodeCell[]): void {
    if (this.asked || !this.panel.context.isReady) {
      return;
    }
    this.asked = true;
    const shown = cells.filter(({ model }) => !isBusy(model)).flatMap(cell => this.shown(cell) ?? []);
    const open = new Set(shown.filter(told => !isOver(told) && !this.live.has(told.id)).map(told => told.id));
    if (open.size) {
      void this.around.runs(this.panel.context.localPath).then(rows => {
        rows.filter(row => open.has(row.run) && isOver(row)).forEach(row => this.filed.set(row.run, row));
        this.soon();
      });
    }
  }

  /** Which questions without an output are being answered: the page was loaded anew before the notebook was saved. */
  private askForUnsaved(cells: CodeCell[]): void {
    const bare = cells.filter(({ model }) => !model.outputs.length && !isBusy(model) && isQuestion(model.sharedModel.getSource()));
    if (this.askedForUnsaved || this.kernel === null || !this.panel.context.isReady) {
      return;
    }
    this.askedForUnsaved = true;
    if (bare.length) {
      void this.around.runs(this.panel.context.localPath).then(rows => {
        for (const { model } of bare) {
          const row = rows.find(one => (LIVE.has(one.status) ? asks(model, one) : one.run === this.unsaved.get(model)?.run));
          if (row) {
            this.unsaved.set(model, row);
          }
        }
        this.soon();
      });
    }
  }

  private mark(cell: CodeCell, now: Map<string, Told>): void {
    const host = cell.inputArea?.editorWidget?.node;
    const known = this.bars.get(cell);
    if (!this.around.wanted() || !isQuestion(cell.model.sharedModel.getSource()) || !host) {
      known?.dispose();
      this.bars.delete(cell);
      write(cell, '', '');
      return;
    }
    const { trans } = this.around;
    const own = lastTold(cell.model);
    const unsaved = cell.model.outputs.length ? undefined : this.unsaved.get(cell.model);
    const told = own && (now.get(own.id) ?? own);
    const busy = isBusy(cell.model) || (own !== null && this.live.get(own.id)?.status === 'running'); // a button may go on with it
    const status = busy ? 'running' : (told?.status ?? unsaved?.status ?? '');
    const text = busy
      ? told && told.status === 'running'
        ? badge(told, trans)
        : statusWord('running', trans)
      : told
        ? badge(told, trans)
        : unsaved
          ? trans.__('%1; its output was not saved, look into Runs in the side panel', statusWord(unsaved.status, trans))
          : '';
    write(cell, text, status);
    const bar = known ?? new CellBar(trans, action => this.around.act(action, cell, this.panel, this.shown(cell)));
    this.bars.set(cell, bar);
    bar.show(host, status, text, offers({ status: told?.status ?? '', busy, kernel: this.kernel !== null }, trans));
  }
}

/** Whether a cell asks what a run was asked. */
function asks(model: ICodeCellModel, row: Row): boolean {
  const [, ...body] = model.sharedModel.getSource().split('\n');
  const question = row.question.replace(/…$/, '').trim();
  return question !== '' && body.join('\n').trim().startsWith(question);
}

function isBusy(model: ICodeCellModel): boolean {
  return model.executionState === 'running';
}

function write(cell: CodeCell, text: string, status: string): void {
  if (text) {
    cell.node.dataset['rlmBadge'] = text;
    cell.node.dataset['rlmStatus'] = status;
  } else {
    delete cell.node.dataset['rlmBadge'];
    delete cell.node.dataset['rlmStatus'];
  }
}

function lastTold(model: ICodeCellModel): Told | null {
  for (let at = model.outputs.length - 1; at >= 0; at -= 1) {
    const payload = model.outputs.get(at).data[MIME];
    const told = payload === undefined ? null : toldBy(payload);
    if (told) {
      return told;
    }
  }
  return null;
}
