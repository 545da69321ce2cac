// The user's settings reach a kernel just before a cell of a notebook runs there; nothing is written into the notebook.
import { NotebookActions, type INotebookTracker, type Notebook } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import { kernelOf } from './deeds';
import { prefer } from './kernel';
import type { Preferences } from './settings';

const GONE = new Set(['restarting', 'autorestarting', 'dead']);

/** Tells each kernel once, and again after a restart or a change of the settings. A kernel that nobody has settings for is told nothing. */
export function tellKernels(notebooks: INotebookTracker, preferences: Preferences): void {
  const told = new WeakMap<Kernel.IKernelConnection, string>();
  NotebookActions.executionScheduled.connect((_: unknown, { notebook }: { notebook: Notebook }) => {
    const panel = notebooks.find(one => one.content === notebook) ?? null;
    const kernel = kernelOf(panel);
    const values = preferences.defaults;
    const text = JSON.stringify(values);
    const before = kernel && told.get(kernel);
    const nothing = Object.values(values).every(value => value === null);
    if (!panel || !kernel || before === text || (before === undefined && nothing)) {
      return;
    }
    if (panel.context.model.defaultKernelLanguage.toLowerCase() === 'python') {
      if (before === undefined) {
        kernel.statusChanged.connect((_, status) => void (GONE.has(status) && told.delete(kernel)));
      }
      told.set(kernel, text);
      prefer(kernel, values);
    }
  });
}
