import assert from 'node:assert/strict';
import test from 'node:test';
import { Unreadable } from '../src/failure';
import { type Asked, Follower } from '../src/follow';
import type { News } from '../src/server';

const news = (seq: number, live: boolean): News => ({
  reader: 'r',
  seq,
  live,
  path: 'a.rlm.jsonl',
  messages: [{ kind: 'delta', seq, nodes: [] }]
});

/** A server that answers from a list; what it was asked is kept. */
function server(answers: (News | Error)[]): Asked & { asked: (number | null)[] } {
  const asked: (number | null)[] = [];
  return {
    asked,
    news: async (_, last) => {
      asked.push(last?.seq ?? null);
      const next = answers.shift() ?? new Unreadable('over');
      if (next instanceof Error) throw next;
      return next;
    },
    full: async (_, node, field) => ({ kind: 'reply', fetch: [node, field], text: 'whole' }),
    find: async () => Promise.reject(new Error('away'))
  };
}

const told = (follower: Follower, count: number): Promise<unknown[]> =>
  new Promise(done => {
    const all: unknown[] = [];
    follower.tell = message => {
      all.push(message);
      if (all.length === count) done(all);
    };
  });

test('a run is asked for from where it was told last', async () => {
  const asked = server([news(3, true), news(5, true)]);
  const follower = new Follower(asked, { path: 'a' });
  const all = told(follower, 2);
  follower.look(true);
  await all;
  follower.look(false);
  assert.deepEqual([asked.asked, follower.path], [[null, 3], 'a.rlm.jsonl']);
});

test('a run that cannot be told at all is not asked for again', async () => {
  const follower = new Follower(server([]), { path: 'a' });
  const reason = new Promise<Unreadable>(done => (follower.fail = done));
  follower.look(true);
  assert.equal((await reason).message, 'over');
});

test('questions of the view are answered, and a server that is away is said', async () => {
  const follower = new Follower(server([]), { path: 'a' });
  const all = told(follower, 3);
  follower.hear({ ping: 7 });
  follower.hear({ fetch: ['r0', 'answer'] });
  follower.hear({ find: 'x' });
  const kinds = (await all).map(message => Object.keys(message as object).join());
  assert.deepEqual(kinds.sort(), ['kind,fetch,text', 'kind,pong', 'kind,refused']);
});
