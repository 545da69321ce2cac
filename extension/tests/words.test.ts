import assert from 'node:assert/strict';
import test from 'node:test';
import { orderCode } from '../src/kernel';
import { isOver, places, toldBy } from '../src/payload';
import { refusal } from '../src/failure';
import { badge, fits, isQuestion, spent } from '../src/words';

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
  seconds: 1
};

test('a row is found by words that stand anywhere in it, in any case', () => {
  assert.ok(fits(row, 'ev CARRIER', ''));
  assert.ok(!fits(row, 'carrier', 'failed'));
  assert.ok(!fits(row, 'carrier train', ''));
});

test('figures that are not known are left out', () => {
  assert.equal(spent(row), '2 calls · 1.5 k tokens');
});

test('a payload that is no payload tells nothing, one with wrong fields tells none of them', () => {
  for (const wrong of [null, 1, [], {}, { id: 1, summary: { status: 'done' } }]) {
    assert.equal(toldBy(wrong), null);
  }
  const told = toldBy({ id: 'a', path: 7, summary: { status: 'done', steps: 'many', usage: { cost: Infinity, calls: 1 } } })!;
  assert.deepEqual([told.path, told.steps, told.cost, isOver(told)], [null, 0, 0, true]);
  assert.equal(badge(told), 'Done · 1 call');
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

test('an order is one Python expression, whatever its fields hold', () => {
  assert.equal(
    orderCode('step', { into: 'b"\n' }),
    '__import__(\'rlm_lab.kernel.front\', fromlist=[\'order\']).order("step", into="b\\"\\n")'
  );
});

test('a server without our part is told from one that refuses', () => {
  assert.equal(refusal({ message: 'x', reason: 'There is no file.' }).absent, false);
  assert.ok(refusal({ message: 'Not Found', reason: 'Not Found' }).absent && refusal(null).absent);
});
