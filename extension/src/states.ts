// What can be done about a question's cell, and why something cannot: pure, so that the toolbar and its tests agree.
import type { TranslationBundle } from '@jupyterlab/translation';

export type Action = 'run' | 'continue' | 'step' | 'edit' | 'pause' | 'stop' | 'resume';

/** How a cell stands: `status` of its run, '' where it has none; `busy` while the cell itself runs or waits to run. */
export interface Standing {
  status: string;
  busy: boolean;
  kernel: boolean;
}

/** The actions that a cell shows, each with the reason why it cannot be done now, or null. */
export function offers(standing: Standing, trans: TranslationBundle): [Action, string | null][] {
  const { status, busy, kernel } = standing;
  const none = kernel ? null : trans.__('The notebook has no kernel; choose one first.');
  const paused = !busy && status === 'paused';
  const goes =
    none ?? (paused ? null : busy ? trans.__('The run goes on; pause it first.') : trans.__('No run of this cell is paused.'));
  const first: [Action, string | null] = paused
    ? ['continue', none]
    : ['run', none ?? (busy ? trans.__('This cell runs, or waits to run.') : null)];
  const shown: [Action, string | null][] = [
    first,
    ['step', goes],
    ['pause', none ?? (busy ? null : paused ? trans.__('The run is paused already.') : trans.__('No run of this cell goes on.'))],
    ['stop', none ?? (busy || paused ? null : trans.__('No run of this cell goes on or is paused.'))]
  ];
  if (paused) {
    shown.splice(2, 0, ['edit', none]);
  }
  if (!busy && status === 'interrupted') {
    shown.unshift(['resume', none]);
  }
  return shown;
}
