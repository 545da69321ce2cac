// What stands at the foot of a question's cell: the state of its run, its calls and its cost. Read from the outputs; nothing is
// written into the notebook.
import type { CodeCell, ICodeCellModel } from '@jupyterlab/cells';
import { NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import { type IDisposable } from '@lumino/disposable';
import { MIME, type Told, toldBy } from './payload';
import { badge, isQuestion } from './words';

const PAUSE = 250; // ms between two looks

export class Badges implements IDisposable {
  isDisposed = false;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly panel: NotebookPanel,
    private readonly wanted: () => boolean,
    private readonly heard: (told: Told) => void
  ) {
    panel.content.modelContentChanged.connect(this.soon, this);
    NotebookActions.executionScheduled.connect(this.soon, this);
    NotebookActions.executed.connect(this.soon, this);
    panel.content.modelChanged.connect(this.soon, this);
    void Promise.all([panel.revealed, panel.context.ready]).then(() => this.soon());
  }

  dispose(): void {
    this.isDisposed = true;
    if (this.timer !== null) {
      clearTimeout(this.timer);
    }
    this.panel.content.modelContentChanged.disconnect(this.soon, this);
    this.panel.content.modelChanged.disconnect(this.soon, this);
    NotebookActions.executionScheduled.disconnect(this.soon, this);
    NotebookActions.executed.disconnect(this.soon, this);
  }

  private soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.look();
    }, PAUSE);
  }

  private look(): void {
    if (this.isDisposed || this.panel.isDisposed) {
      return;
    }
    for (const cell of this.panel.content.widgets) {
      if (cell.model.type === 'code') {
        this.mark(cell as CodeCell);
      }
    }
  }

  private mark(cell: CodeCell): void {
    const told = lastTold(cell.model);
    if (told) {
      this.heard(told);
    }
    const running = cell.model.executionState === 'running';
    const text =
      !this.wanted() || !isQuestion(cell.model.sharedModel.getSource()) ? '' : running ? 'Running' : told ? badge(told) : '';
    if (text) {
      cell.node.dataset['rlmBadge'] = text;
      cell.node.dataset['rlmStatus'] = running ? 'running' : (told?.status ?? '');
      cell.node.style.setProperty('--rlm-lab-badge', JSON.stringify(text)); // CSS reads the same quotes and backslashes
      cell.node.setAttribute('aria-description', text);
    } else if (cell.node.dataset['rlmBadge'] !== undefined) {
      delete cell.node.dataset['rlmBadge'];
      delete cell.node.dataset['rlmStatus'];
      cell.node.style.removeProperty('--rlm-lab-badge');
      cell.node.removeAttribute('aria-description');
    }
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
