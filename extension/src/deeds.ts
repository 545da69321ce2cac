// What is done with runs in a notebook: lines of `%rlm` in new cells, on the user's word, and the cell that made a run.
import { type JupyterFrontEnd } from '@jupyterlab/application';
import { InputDialog, Notification } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import { type INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { MimeData } from '@lumino/coreutils';
import { Drag } from '@lumino/dragdrop';
import type { Widget } from '@lumino/widgets';
import { element } from './dom';
import { links } from './link';
import type { Row, Server } from './server';
import type { Sighting, Sightings } from './sightings';
import { asId, asWord, clipped } from './words';

const FAR = 5; // pixels from which a press is a drag
const CELLS = 'application/vnd.jupyter.cells';

export function kernelOf(panel: NotebookPanel | null): Kernel.IKernelConnection | null {
  return panel?.sessionContext.session?.kernel ?? null;
}

/** Shows what went wrong as one line. */
export async function tried(act: () => Promise<void> | void): Promise<void> {
  try {
    await act();
  } catch (error) {
    Notification.warning(error instanceof Error ? error.message : String(error), { autoClose: 10_000 });
  }
}

/** Writes a cell below the active one, and makes it the active one. */
export function write(panel: NotebookPanel, source: string): void {
  NotebookActions.insertBelow(panel.content);
  panel.content.activeCell?.model.sharedModel.setSource(source);
}

/** A file as a notebook's kernel names it. */
function seenFrom(notebook: string, path: string): string {
  return path.startsWith('/') ? path : PathExt.relative(PathExt.dirname(notebook), path) || path;
}

export class Deeds {
  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly notebooks: INotebookTracker | null,
    private readonly server: Server,
    private readonly sightings: Sightings,
    private readonly trans: TranslationBundle
  ) {}

  /** The notebook in front. Rejects where there is none. */
  get notebook(): NotebookPanel {
    const panel = this.notebooks?.currentWidget ?? null;
    if (!panel) {
      throw new Error(this.trans.__('Open a notebook first: a new cell is written there.'));
    }
    return panel;
  }

  /** Why nothing can be written into a notebook, or null. */
  get withoutNotebook(): string | null {
    return this.notebooks?.currentWidget ? null : this.trans.__('Open a notebook first: a new cell is written there.');
  }

  /** A line of `%rlm` in a new cell of the notebook in front, below what loads the magics where they are not there. */
  async line(text: string, run: boolean, panel: NotebookPanel = this.notebook): Promise<void> {
    const kernel = kernelOf(panel);
    const known = kernel !== null && (await links.find(kernel)) !== null;
    write(panel, known ? text : `%load_ext rlm_lab\n${text}`);
    this.app.shell.activateById(panel.id);
    await panel.content.activeCell?.ready;
    panel.content.activeCell?.node.scrollIntoView({ block: 'nearest' });
    if (run && kernel) {
      await NotebookActions.run(panel.content, panel.sessionContext);
    }
  }

  /** The line that goes on with a run whose kernel is gone; the user runs it once the data are there again. */
  async resume(row: Pick<Row, 'run' | 'path'>, below?: Sighting): Promise<void> {
    if (below) {
      const { content } = below.panel;
      content.activeCellIndex = content.widgets.indexOf(below.cell);
    }
    const panel = below?.panel ?? this.notebook;
    await this.line(`%rlm resume ${this.word(row, panel)}`, false, panel);
    const { trans } = this;
    Notification.info(trans.__('Load the data of the question again, then run the new cell: the run stands where it stood.'), {
      autoClose: 8_000
    });
  }

  /** The line that forks a run: it is run where the run is live; else the user does, once the data are there. */
  async fork(row: Row): Promise<void> {
    const { trans } = this;
    const last = row.steps || 1;
    const title = trans.__('Fork before which step?');
    const asked = await InputDialog.getNumber({
      title,
      value: last,
      label: trans.__('1 to %1; a line is written into a new cell', last)
    });
    if (asked.button.accept && asked.value !== null && Number.isInteger(asked.value) && asked.value > 0) {
      const live = this.sightings.living(row.run);
      const panel = live ?? this.notebook;
      await this.line(
        `fork = %rlm fork ${asked.value} ${live ? asId(row.run, trans) : this.word(row, panel)}`,
        live !== undefined,
        panel
      );
      if (!live) {
        Notification.info(trans.__('Load the data of the question, then run the new cell: the fork stands before that step.'), {
          autoClose: 8_000
        });
      }
    }
  }

  /** A run as a line names it: by its file, as seen from the notebook, or its id where that is not told. */
  private word({ run, path }: Pick<Row, 'run' | 'path'>, panel: NotebookPanel): string {
    const seen = path && seenFrom(panel.context.localPath, path);
    return seen ? asWord(seen, this.trans) : asId(run, this.trans);
  }

  /** Scrolls to the cell that shows a run; opens its notebook where it is not open. */
  async reveal(run: string, folder: string): Promise<void> {
    let found = this.sightings.of(run);
    if (!found) {
      const { notebook } = await this.server.notebook(run, folder);
      if (!notebook) {
        throw new Error(this.trans.__('No notebook of this folder shows this run.'));
      }
      const panel = (await this.app.commands.execute('docmanager:open', { path: notebook })) as NotebookPanel | undefined;
      await panel?.context.ready;
      await panel?.revealed;
      found = await this.soon(run);
    }
    if (!found) {
      throw new Error(this.trans.__('The notebook shows this run no more.'));
    }
    this.app.shell.activateById(found.panel.id);
    const { content } = found.panel;
    content.activeCellIndex = content.widgets.indexOf(found.cell);
    await content.scrollToItem(content.activeCellIndex, 'smart');
    content.activate();
  }

  /** The source of a cell that loads a run, as seen from the notebook in front. */
  private loading(path: string): string {
    const seen = seenFrom(this.notebooks?.currentWidget?.context.localPath ?? '', path);
    return `import rlm_lab\n\nrun = rlm_lab.load(${JSON.stringify(seen)})\nrun`;
  }

  /** A run that is dragged into a notebook becomes the cell that loads it. */
  drag(event: PointerEvent, row: Row, source: Widget): void {
    const { clientX, clientY } = event;
    const end = new AbortController();
    const { signal } = end;
    const move = (now: PointerEvent): void => {
      if (Math.hypot(now.clientX - clientX, now.clientY - clientY) < FAR) {
        return;
      }
      end.abort();

      const mimeData = new MimeData();
      mimeData.setData(CELLS, [
        { cell_type: 'code', source: this.loading(row.path), metadata: {}, outputs: [], execution_count: null }
      ]);
      const dragImage = element('div', { class: 'rlm-lab-Runs-drag' }, clipped(row.question || row.run, 60));
      const drag = new Drag({ mimeData, dragImage, supportedActions: 'copy', proposedAction: 'copy', source });
      void drag.start(now.clientX, now.clientY).then(() => drag.dispose());
    };
    document.addEventListener('pointermove', move, { signal });
    document.addEventListener('pointerup', () => end.abort(), { signal });
  }

  private soon(run: string): Promise<Sighting | undefined> {
    const known = this.sightings.of(run);
    return known
      ? Promise.resolve(known)
      : new Promise(done => {
          const end = (): void => {
            clearTimeout(timer);
            this.sightings.changed.disconnect(look);
            done(this.sightings.of(run));
          };
          const look = (): void => {
            if (this.sightings.of(run)) {
              end();
            }
          };
          const timer = setTimeout(end, 10_000);
          this.sightings.changed.connect(look);
        });
  }
}
