// What the list, the badges and the status bar say: the spelling is that of the view.
import { clipped, dollars, thousands } from '../../rlm_lab/views/component/src/figures';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Told } from './payload';
import type { Row } from './server';

export { clipped };

export function statusWord(status: string, trans: TranslationBundle): string {
  const words: Record<string, string> = {
    waiting: trans.__('Waiting'),
    running: trans.__('Running'),
    paused: trans.__('Paused'),
    done: trans.__('Done'),
    failed: trans.__('Failed'),
    stopped: trans.__('Stopped'),
    out_of_budget: trans.__('Out of budget'),
    interrupted: trans.__('Interrupted: resume?'),
    unreadable: trans.__('Unreadable')
  };
  return Object.hasOwn(words, status) ? words[status]! : clipped(status.replaceAll('_', ' '), 40);
}

/** A line of figures; what is not known is left out. */
export function spent(row: Pick<Row, 'calls' | 'tokens' | 'cost'>, trans: TranslationBundle): string {
  const parts = [
    row.calls === null ? '' : calls(row.calls, trans),
    row.tokens === null ? '' : trans.__('%1 tokens', thousands(row.tokens)),
    row.cost === null ? '' : trans.__('%1 USD', dollars(row.cost))
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

/** Why a run is not in the trash, and how many of those before it are. */
export function notMoved(path: string, reason: string, moved: number, all: number, trans: TranslationBundle): string {
  const others = all > 1 ? trans.__('%1 of %2 runs are in the trash.', moved, all) : '';
  return [`${clipped(path, 200)}: ${reason}`, others].filter(Boolean).join(' ');
}

function calls(count: number, trans: TranslationBundle): string {
  return trans._n('%1 call', '%1 calls', count);
}

/** What a badge says: the state, and what the run has spent. */
export function badge(told: Told, trans: TranslationBundle): string {
  const figures = [told.calls ? calls(told.calls, trans) : '', told.cost ? trans.__('%1 USD', dollars(told.cost)) : ''];
  return [statusWord(told.status, trans), ...figures].filter(Boolean).join(' · ');
}

/** Where a line of Python turns into a magic of ours, such as behind `fork = `; -1 where it does not. */
export function magicAt(line: string): number {
  const found = /^(?:%%rlm_edit|\s*(?:[\p{L}_][\p{L}\p{N}_]*\s*=\s*)?%rlm)(?=\s|$)/u.exec(line);
  return found ? line.indexOf('%') : -1;
}

const QUESTION = /^%%rlm(?:_answer)?(?:\s|$)/;

/** Whether a cell's text is a question, or an answer in the model's place: prose below a magic. */
export function isQuestion(source: string): boolean {
  return QUESTION.test(source);
}

/** A file's name as one word of a line of `%rlm`, cut as `rlm_lab/kernel/words.py` does; throws where no quotes can hold it. */
export function asWord(name: string, trans: Pick<TranslationBundle, '__'>): string {
  const quote = ['"', "'"].find(one => !name.includes(one));
  if (/[\p{Cc}\p{Cs}\u2028\u2029]|\\$/u.test(name) || !name || !quote) {
    throw new Error(trans.__('This name cannot be written into a line; rename the file: %1', clipped(JSON.stringify(name), 200)));
  }
  const word = name.startsWith('-') ? `./${name}` : name; // which is no flag
  return /^[\w./#\\-]+$/.test(word) ? word : quote + word + quote;
}

/** A run's id as one word of a line; throws where it is none. */
export function asId(run: string, trans: Pick<TranslationBundle, '__'>): string {
  if (!/^\w[\w.-]*$/.test(run)) {
    throw new Error(trans.__('This is no id of a run: %1', clipped(JSON.stringify(run), 200)));
  }
  return run;
}
