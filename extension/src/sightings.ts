// What the open notebooks and their kernels know of runs: for the side panel, which marks the live ones, and finds the cell that made
// a run. Runs that were asked in Python have no cell.
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
  /** A run that a view follows has ended. */
  readonly ended = new Signal<this, void>(this);
  private readonly known = new Map<NotebookPanel, Sighting[]>();
  private readonly told = new Map<NotebookPanel, Told[]>();

  /** What a notebook shows now, in the order of its cells, and all that is known of runs from there, the newest word last. */
  tell(panel: NotebookPanel, seen: Sighting[], told: Told[]): void {
    const before = JSON.stringify(this.told.get(panel) ?? []);
    this.known.set(panel, seen);
    this.told.set(panel, told);
    if (before !== JSON.stringify(told)) {
      this.changed.emit();
    }
  }

  forget(panel: NotebookPanel): void {
    this.known.delete(panel);
    this.told.delete(panel);
    this.changed.emit();
  }

  /** The cell that shows a run: the last one, as a run that goes on is shown there. */
  of(run: string): Sighting | undefined {
    return [...this.known.values()].flat().findLast(one => one.told.id === run);
  }

  /** The notebook in whose kernel a run goes on, or is paused. */
  living(run: string): NotebookPanel | undefined {
    return [...this.told].find(([, told]) => told.some(one => one.id === run && !isOver(one)))?.[0];
  }

  /** The runs that go on, or are paused, in the kernels of open notebooks. */
  live(): Told[] {
    const last = new Map([...this.told.values()].flat().map(told => [told.id, told]));
    return [...last.values()].filter(told => !isOver(told));
  }
}
