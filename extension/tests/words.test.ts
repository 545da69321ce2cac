import assert from 'node:assert/strict';
import test from 'node:test';
import { isOver, places, toldBy } from '../src/payload';
import { refusal } from '../src/failure';
import { offers } from '../src/states';
import { withFile, withLive } from '../src/live';
import { Total } from '../src/total';
import { asId, asWord, badge, fits, isQuestion, magicAt, notMoved, spent, statusWord } from '../src/words';

const filled = (text: string, given: unknown[]): string => text.replace(/%(\d)/g, (_, at) => String(given[Number(at) - 1]));
/** English, as it stands in the code. */
const trans = {
  __: (text: string, ...given: unknown[]) => filled(text, given),
  _n: (one: string, many: string, count: number) => filled(count === 1 ? one : many, [count])
} as unknown as Parameters<typeof badge>[1];

const row = {
  run: 'a',
  path: 'a',
  status: 'done',
  question: 'Which carrier?',
  answer: 'EV',
  model: 'local',
  started: '',
  steps: 1,
  calls: 2,
  tokens: 1500,
  cost: null,
  seconds: 1,
  parent: null
};

test('a row is found by words that stand anywhere in it, in any case', () => {
  assert.ok(fits(row, 'ev CARRIER', ''));
  assert.ok(!fits(row, 'carrier', 'failed'));
  assert.ok(!fits(row, 'carrier train', ''));
});

test('figures that are not known are left out', () => {
  assert.equal(spent(row, trans), '2 calls · 1.5 k tokens');
});

test('a payload that is no payload tells nothing, one with wrong fields tells none of them', () => {
  for (const wrong of [null, 1, [], {}, { id: 1, summary: { status: 'done' } }]) {
    assert.equal(toldBy(wrong), null);
  }
  const told = toldBy({ id: 'a', path: 7, summary: { status: 'done', steps: 'many', usage: { cost: Infinity, calls: 1 } } })!;
  assert.deepEqual([told.path, told.steps, told.cost, isOver(told)], [null, 0, 0, true]);
  assert.equal(badge(told, trans), 'Done · 1 call');
});

test('a file is also sought beside the notebook', () => {
  assert.deepEqual(places('/far/away/.rlm/runs/a.rlm.jsonl'), [
    '/far/away/.rlm/runs/a.rlm.jsonl',
    '.rlm/runs/a.rlm.jsonl',
    'a.rlm.jsonl'
  ]);
});

test('only a magic of ours makes a cell a question', () => {
  assert.deepEqual(
    ['%%rlm', '%%rlm -c a\nb', '%%rlm_answer\nyes', '%%rlm_edit a\nn = 1', '%%rlmx', 'x = 1\n%%rlm'].map(isQuestion),
    [true, true, true, false, false, false]
  );
});

test('a server without our part is told from one that refuses', () => {
  assert.equal(refusal({ message: 'x', reason: 'There is no file.' }).absent, false);
  assert.ok(refusal({ message: 'Not Found', reason: 'Not Found' }).absent && refusal(null).absent);
});

test('a status that is not known is shown as it is, and none of an object is one', () => {
  assert.deepEqual(
    ['done', 'odd_state', 'constructor'].map(status => statusWord(status, trans)),
    ['Done', 'odd state', 'constructor']
  );
});

const can = (status: string, busy = false, kernel = true): string[] =>
  offers({ status, busy, kernel }, trans).flatMap(([action, reason]) => (reason === null ? [action] : []));

test('a cell offers what fits its run, and says why the rest does not', () => {
  assert.deepEqual(can(''), ['run']);
  assert.deepEqual(can('running', true), ['pause', 'stop']);
  assert.deepEqual(can('paused'), ['continue', 'step', 'edit', 'stop']);
  assert.deepEqual(can('interrupted'), ['resume', 'run']);
  assert.deepEqual(can('paused', false, false), []);
  assert.ok(
    offers({ status: 'done', busy: false, kernel: true }, trans).every(([, reason]) => reason === null || reason.endsWith('.'))
  );
});

test('a live run is told from its notebook, and one of another folder stands above', () => {
  const told = (id: string, status: string, path: string | null) => ({ ...toldBy(payload)!, id, status, path });
  const payload = { id: 'a', summary: { status: 'paused', question: 'Why?', usage: {} } };
  const rows = withLive(
    [
      { ...row, status: 'running' },
      { ...row, run: 'b' }
    ],
    [told('a', 'paused', 'a'), told('c', 'running', '/c')]
  );
  assert.deepEqual(
    rows.map(one => [one.run, one.status]),
    [
      ['c', 'running'],
      ['a', 'paused'],
      ['b', 'done']
    ]
  );
});

test('what a run came to is in its file, also where its output was saved while it went on', () => {
  const told = toldBy({ id: 'a', summary: { status: 'running', usage: { calls: 1 } } })!;
  assert.equal(badge(withFile(told, { ...row, calls: 3 }), trans), 'Done · 3 calls');
  assert.equal(withFile(told, { ...row, status: 'running' }), told);
  assert.equal(withFile(told, undefined), told);
});

// tests/kernel/test_arguments.py holds that the kernel reads each of these words as the name.
test('a name is one word of a line, as the kernel cuts it', () => {
  const words: [string, string][] = [
    ['runs/a.rlm.jsonl', 'runs/a.rlm.jsonl'],
    ['my runs/a.rlm.jsonl', '"my runs/a.rlm.jsonl"'],
    ["Ann's (1)/a.rlm.jsonl", `"Ann's (1)/a.rlm.jsonl"`],
    ['a "b".rlm.jsonl', `'a "b".rlm.jsonl'`],
    ['C:\\my runs\\"a.rlm.jsonl', `'C:\\my runs\\"a.rlm.jsonl'`],
    ['a\\b.rlm.jsonl', 'a\\b.rlm.jsonl'],
    ['-x.rlm.jsonl', './-x.rlm.jsonl'],
    ['-x y.rlm.jsonl', '"./-x y.rlm.jsonl"']
  ];
  assert.deepEqual(
    words.map(([name]) => asWord(name, trans)),
    words.map(([, word]) => word)
  );
});

test('what would end the word, or the line, is refused', () => {
  for (const name of ['a\nprint(1) #.rlm.jsonl', 'a\r', 'a\u2028b', 'a\0', 'a\\', `"a'`, '']) {
    assert.throws(() => asWord(name, trans), /cannot be written into a line/);
  }
  for (const run of ['a\nprint(1)', 'a b', '-m', '"a"', '', '$x']) {
    assert.throws(() => asId(run, trans), /no id of a run/);
  }
  assert.equal(asId('20261122-031301-27d96c', trans), '20261122-031301-27d96c');
});

test('a magic among Python is found where it begins, and nothing else is one', () => {
  assert.deepEqual(
    ['%rlm resume a', 'fork = %rlm fork 2', '%%rlm_edit a', 'x %rlm', '%rlmx', '%%rlm a', '%time f()'].map(magicAt),
    [0, 7, 0, -1, -1, -1, -1]
  );
});

test('what was spent is still known when the page is loaded anew, and what came before the tab is not counted', () => {
  const kept = new Map<string, string>();
  const tab = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, text: string) => void kept.set(name, text)
  };
  const told = { ...toldBy({ id: 'a', summary: { status: 'done', usage: { calls: 2 } } })!, started: 100 };
  new Total(50, trans, tab).add(told);
  const anew = new Total(200, trans, tab);
  assert.equal(anew.text, '1 run · 2 calls · 0 tokens');
  anew.add({ ...told, id: 'b' });
  anew.add({ ...told, id: 'c', started: 10 });
  assert.equal(anew.text, '2 runs · 4 calls · 0 tokens');
});

test('of several runs it is told which was not moved, and how many were', () => {
  assert.equal(notMoved('a/b', 'It still goes on.', 2, 4, trans), 'a/b: It still goes on. 2 of 4 runs are in the trash.');
  assert.equal(notMoved('a/b', 'It still goes on.', 0, 1, trans), 'a/b: It still goes on.');
});
