// What the open notebooks show of runs: for the side panel, which marks the live ones, and finds the cell that made a run.
import type { CodeCell } from '@jupyterlab/cells';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { Signal } from '@lumino/signaling';
import { isOver, type Told } from './payload';

export interface Sighting {
  told: Told; // with the state that is known by now
  cell: CodeCell;
  panel: NotebookPanel;
}

export class Sightings {
  readonly changed = new Signal<this, void>(this);
  private readonly known = new Map<NotebookPanel, Sighting[]>();

  /** What a notebook shows now, in the order of its cells. */
  tell(panel: NotebookPanel, seen: Sighting[]): void {
    const before = JSON.stringify((this.known.get(panel) ?? []).map(one => one.told));
    this.known.set(panel, seen);
    if (before !== JSON.stringify(seen.map(one => one.told))) {
      this.changed.emit();
    }
  }

  forget(panel: NotebookPanel): void {
    this.known.delete(panel);
    this.changed.emit();
  }

  /** The cell that shows a run: the last one, as a run that goes on is shown there. */
  of(run: string): Sighting | undefined {
    return [...this.known.values()].flat().findLast(one => one.told.id === run);
  }

  /** The runs that go on, or are paused, in the kernels of open notebooks. */
  live(): Sighting[] {
    const last = new Map([...this.known.values()].flat().map(one => [one.told.id, one]));
    return [...last.values()].filter(one => !isOver(one.told));
  }
}
