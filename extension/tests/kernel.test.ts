import assert from 'node:assert/strict';
import test from 'node:test';
import type { Kernel } from '@jupyterlab/services';
import { halt, order } from '../src/kernel';
import { links } from '../src/link';

type Said = Record<string, unknown>;
const soon = (): Promise<void> => new Promise(done => setImmediate(done));

/** A busy kernel with runs in these states, and what it was told; without a line where no states are given. */
async function busy(id: string, states?: string[]) {
  const said: Said[] = [];
  const comm = {
    commId: 'c',
    send: (data: Said) => void said.push(data),
    subshellStarted: Promise.resolve()
  } as unknown as Kernel.IComm;
  const heard = {
    interrupts: 0,
    closed: false,
    said,
    tell: (data: Said) => void comm.onMsg({ content: { data: { v: 1, ...data } } } as never)
  };
  const kernel = {
    id,
    status: 'busy',
    handleComms: true,
    supportsSubshells: true,
    registerCommTarget: () => undefined,
    statusChanged: { connect: () => undefined },
    disposed: { connect: () => undefined },
    hasComm: () => false,
    createComm: () => comm,
    requestCommInfo: async () => ({ content: { status: 'ok', comms: states && !heard.closed ? { c: {} } : {} } }),
    interrupt: async () => void (heard.interrupts += 1)
  } as unknown as Kernel.IKernelConnection;
  links.watch(kernel);
  await links.find(kernel);
  await soon();
  if (states) {
    heard.tell({ runs: states.map((status, at) => ({ id: `run${at}`, summary: { status } })) });
  }
  return { kernel, heard };
}

test('a cell that belongs to no run is left alone when a paused run is to be stopped', async context => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { kernel, heard } = await busy('paused', ['paused']);
  const done = halt(kernel, 'stop', () => true);
  await soon();
  context.mock.timers.tick(60_000);
  await soon();
  assert.equal(heard.interrupts, 0);
  heard.tell({ id: heard.said.find(one => one['command'] === 'stop')!['id'], done: '' });
  await done;
  assert.equal(heard.interrupts, 0);
});

test('a run that goes on and does not hear is interrupted', async context => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { kernel, heard } = await busy('running', ['paused', 'running']);
  const done = halt(kernel, 'stop', () => false);
  await soon();
  context.mock.timers.tick(5_000);
  await done;
  assert.equal(heard.interrupts, 2);
});

test('without a line only a question is interrupted', async () => {
  const { kernel, heard } = await busy('without');
  await assert.rejects(
    halt(kernel, 'pause', () => false),
    /left alone/
  );
  assert.equal(heard.interrupts, 0);
  await halt(kernel, 'pause', () => true);
  assert.equal(heard.interrupts, 1);
});

test('an order on a line that the kernel does not know any more is refused, and the next one looks for another', async context => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { kernel, heard } = await busy('closed', ['paused']);
  const [slow, lost] = [order(kernel, 'continue'), order(kernel, 'step')];
  await soon();
  context.mock.timers.tick(60_000); // the kernel knows the line: an order may take so long
  await soon();
  heard.tell({ id: heard.said.find(one => one['command'] === 'continue')!['id'], done: '' });
  await slow;
  assert.ok(links.of(kernel));
  heard.closed = true;
  const next = order(kernel, 'step');
  await soon();
  context.mock.timers.tick(60_000);
  await assert.rejects(lost, /was closed; try again/);
  await assert.rejects(next, /was closed; try again/);
  assert.equal(links.of(kernel), null);
});
