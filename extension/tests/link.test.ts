import assert from 'node:assert/strict';
import test from 'node:test';
import type { Kernel } from '@jupyterlab/services';
import { type Comm, Link, Links } from '../src/link';

type Said = Record<string, unknown>;

/** A comm whose kernel is played by the test. */
function line(): { comm: Comm; said: Said[]; tell: (data: unknown) => void } {
  const said: Said[] = [];
  const comm = {
    send: (data: Said) => void said.push(data),
    onMsg: () => undefined,
    onClose: () => undefined,
    subshellStarted: Promise.resolve()
  } as unknown as Comm;
  return { comm, said, tell: data => void comm.onMsg({ content: { data } } as never) };
}

const payload = (id: string, status: string): Said => ({ id, summary: { status, usage: { calls: 2 } } });
const soon = (): Promise<void> => new Promise(done => setTimeout(done, 0));

test('runs are told as they change, and what is no payload, or of another version, tells nothing', async () => {
  const { comm, said, tell } = line();
  let changes = 0;
  const link = new Link(comm, true, () => (changes += 1));
  await soon();
  assert.equal(said[0]!['ask'], 'runs');
  tell({ v: 1, runs: [payload('a', 'running')] });
  await soon();
  for (const odd of [null, 7, { v: 2, runs: [payload('b', 'done')] }, { v: 1, runs: 'all' }]) {
    tell(odd);
  }
  tell({ v: 1, runs: [{ id: 3 }, payload('a', 'paused')] });
  assert.deepEqual([[...link.runs.values()].map(told => [told.id, told.status, told.calls]), changes], [[['a', 'paused', 2]], 2]);
});

test('each question has its own answer, and what the kernel refuses is its own line', async () => {
  const { comm, said, tell } = line();
  const link = new Link(comm, false, () => undefined);
  const [first, second] = [link.ask({ ask: 'pending' }), link.ask({ command: 'pause' })];
  await soon();
  assert.equal(new Set(said.map(one => one['id'])).size, 3);
  tell({ v: 1, id: said[2]!['id'], refused: 'No run is paused.' });
  tell({ v: 1, id: said[1]!['id'], value: '%%rlm_edit a' });
  tell({ v: 1, id: 'another page', refused: 'x' });
  assert.equal(await first, '%%rlm_edit a');
  await assert.rejects(second, /No run is paused/);
  const last = link.ask({ ask: 'runs' });
  link.end();
  await assert.rejects(last, /ended/);
});

test('only a comm with a subshell of its own reaches a busy kernel', () => {
  const { comm } = line();
  assert.ok(new Link(comm, true, () => undefined).reachesBusy);
  assert.ok(!new Link(comm, false, () => undefined).reachesBusy);
  assert.ok(!new Link({ ...comm, commsOverSubshells: 'disabled' } as unknown as Comm, true, () => undefined).reachesBusy);
});

/** A kernel connection that tells of the comms that are open. */
function kernel(comms: string[], handleComms = true): Kernel.IKernelConnection & { restart: () => void } {
  const listeners: ((_: unknown, status: string) => void)[] = [];
  const signal = { connect: (heard: (_: unknown, status: string) => void) => listeners.push(heard) };
  return {
    id: 'k',
    handleComms,
    supportsSubshells: true,
    registerCommTarget: () => undefined,
    statusChanged: signal,
    disposed: { connect: () => undefined },
    hasComm: () => false,
    createComm: () => line().comm,
    requestCommInfo: async () => ({ content: { status: 'ok', comms: Object.fromEntries(comms.map(id => [id, {}])) } }),
    restart: () => listeners.forEach(heard => heard(null, 'restarting'))
  } as unknown as Kernel.IKernelConnection & { restart: () => void };
}

test('a page that comes later finds the line, which ends with its kernel', async () => {
  const links = new Links();
  const found = kernel(['c']);
  links.watch(found);
  assert.ok(await links.find(found));
  found.restart();
  assert.equal(links.of(found), null);
});

test('where rlm_lab is not loaded there is no line, and a second connection uses that of the first', async () => {
  const links = new Links();
  const [first, second] = [kernel([]), kernel(['c'], false)];
  links.watch(first);
  links.watch(second);
  assert.deepEqual([await links.find(first), await links.find(second)], [null, null]);
});
