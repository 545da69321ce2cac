// What the list, the badges and the status bar say: the spelling is that of the view.
import { clipped, counted, dollars, thousands } from '../../rlm_lab/views/component/src/figures';
import type { Told } from './payload';
import type { Row } from './server';

export { clipped, counted };

const STATUSES: Record<string, string> = {
  waiting: 'Waiting',
  running: 'Running',
  paused: 'Paused',
  done: 'Done',
  failed: 'Failed',
  stopped: 'Stopped',
  out_of_budget: 'Out of budget',
  interrupted: 'Interrupted',
  unreadable: 'Unreadable'
};

export function statusWord(status: string): string {
  return STATUSES[status] ?? clipped(status.replaceAll('_', ' '), 40);
}

/** A line of figures; what is not known is left out. */
export function spent(row: Pick<Row, 'calls' | 'tokens' | 'cost'>): string {
  const parts = [
    row.calls === null ? '' : counted(row.calls, 'call'),
    row.tokens === null ? '' : `${thousands(row.tokens)} tokens`,
    row.cost === null ? '' : `${dollars(row.cost)} USD`
  ];
  return parts.filter(Boolean).join(' · ');
}

/** Whether a row holds all words that were typed, wherever they stand, and has the status asked for. */
export function fits(row: Row, typed: string, status: string): boolean {
  const text = `${row.question}\n${row.answer}\n${row.model}\n${row.run}`.toLowerCase();
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  return (status === '' || row.status === status) && words.every(word => text.includes(word));
}

/** When a run began, as a short date and time of the reader's place. */
export function when(started: string): string {
  const time = new Date(started);
  return Number.isNaN(time.getTime()) ? '' : time.toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'short' });
}

/** What a badge says: the state, and what the run has spent. */
export function badge(told: Told): string {
  return [statusWord(told.status), told.calls ? counted(told.calls, 'call') : '', told.cost ? `${dollars(told.cost)} USD` : '']
    .filter(Boolean)
    .join(' · ');
}

const QUESTION = /^%%rlm(?:_answer)?(?:\s|$)/;

/** Whether a cell's text is a question, or an answer in the model's place: prose below a magic. */
export function isQuestion(source: string): boolean {
  return QUESTION.test(source);
}
