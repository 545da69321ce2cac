// What the kernel of a notebook is asked and told: over the comm where rlm_lab is loaded, which an order of the user's does where it is
// not. Settings go as an ordinary request: they have to be there before the cell that is run next, which a comm's message may not be.
import type { Kernel } from '@jupyterlab/services';
import { type Link, links } from './link';
import { trans } from './translation';

const GREET = "__import__('rlm_lab.kernel.front', fromlist=['greet']).greet()";
const LIMIT = 20_000; // ms without an answer until the line is doubted; an order may well take longer
const PATIENCE = 5_000; // ms that a busy kernel has to answer over its comm

/** Has the run do something; rejects with the kernel's own line where that is refused. */
export async function order(kernel: Kernel.IKernelConnection, name: string, fields: Record<string, string> = {}): Promise<void> {
  await ask(kernel, { command: name, ...fields });
}

/**
 * Pauses or stops the run that goes on: over the comm, and where a busy kernel does not hear that by interrupting it. Where no run goes
 * on, stop ends the paused one. A cell that belongs to no run is never interrupted: `asks` tells, where there is no line, whether the
 * cell that runs is a question.
 */
export async function halt(kernel: Kernel.IKernelConnection, name: 'pause' | 'stop', asks: () => boolean): Promise<void> {
  const link = links.of(kernel);
  const run = link?.going;
  const hears = link?.reachesBusy || kernel.status !== 'busy';
  if (!link && !hears && !asks()) {
    throw new Error(trans.__('No run is known to go on here; the cell that runs was left alone.'));
  }
  if (hears || (link && !run)) {
    const done = order(kernel, name).then(() => true);
    if (!run || (await Promise.race([done, after(PATIENCE)])) || link?.going !== run) {
      await done;
      return;
    }
  }
  await kernel.interrupt();
  if (name === 'stop') {
    await kernel.interrupt(); // the second one within two seconds ends the run
  }
}

/** Where the dashboard can be opened once; in a frame of pages from `embed`, where one is named. */
export async function dashboardAddress(kernel: Kernel.IKernelConnection, embed = ''): Promise<string> {
  const told = await ask(kernel, { ask: 'dashboard', embed });
  if (typeof told !== 'string' || !/^(https?:\/\/|\/)/.test(told)) {
    throw new Error(trans.__('The dashboard could not be started; %rlm dashboard tells why.'));
  }
  return told;
}

/** The text of the cell that changes what a paused run is about to do. */
export async function pending(kernel: Kernel.IKernelConnection, run: string): Promise<string> {
  return String(await ask(kernel, { ask: 'pending', run }));
}

/** Leaves the user's settings where rlm_lab will look for them; the kernel need not have it, and nothing of it is shown. */
export function prefer(kernel: Kernel.IKernelConnection, values: Record<string, unknown>): void {
  const text = JSON.stringify(JSON.stringify(values));
  execute(kernel, `get_ipython().config.RLMFront.update(__import__('json').loads(${text}))`);
}

/** What the kernel answers; rejects with its own line where it refuses, and where it does not know the line any more. */
async function ask(kernel: Kernel.IKernelConnection, what: Record<string, string>): Promise<unknown> {
  const link = await reach(kernel);
  const doubt = setTimeout(() => void links.check(kernel, link), LIMIT);
  try {
    return await link.ask(what);
  } finally {
    clearTimeout(doubt);
  }
}

/** The line to a kernel; where there is none, rlm_lab is loaded. Rejects where it is not installed. */
async function reach(kernel: Kernel.IKernelConnection): Promise<Link> {
  const known = await links.find(kernel);
  if (known) {
    return known;
  }
  const { content } = await execute(kernel, GREET).done;
  const made = links.of(kernel);
  if (content.status === 'error') {
    throw new Error(refused(content.ename, content.evalue));
  }
  if (!made) {
    throw new Error(trans.__('The kernel did not take the command; try again.'));
  }
  return made;
}

function refused(ename: string, evalue: string): string {
  return ename === 'ModuleNotFoundError'
    ? trans.__('The kernel of this notebook has no rlm_lab; install it there.')
    : evalue || ename;
}

function execute(kernel: Kernel.IKernelConnection, code: string): ReturnType<Kernel.IKernelConnection['requestExecute']> {
  return kernel.requestExecute({ code, silent: true, store_history: false, allow_stdin: false, stop_on_error: false }, true);
}

function after(time: number): Promise<false> {
  return new Promise(done => setTimeout(() => done(false), time));
}
