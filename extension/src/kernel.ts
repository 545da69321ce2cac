// Orders to the run of a kernel: one expression each, sent as an ordinary request, or over a subshell while a cell runs.
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { trans } from './translation';

const FRONT = "__import__('rlm_lab.kernel.front', fromlist=['order'])";

export type Field = string | number;

/** The expression of an order; fields become Python literals. */
export function orderCode(name: string, fields: Record<string, Field> = {}): string {
  const parts = [name, ...Object.values(fields)].map(value => JSON.stringify(value));
  const names = ['', ...Object.keys(fields).map(field => `${field}=`)];
  return `${FRONT}.order(${parts.map((part, at) => `${names[at]}${part}`).join(', ')})`;
}

/** Has the run do something; rejects with the kernel's own line where that is refused. */
export async function order(kernel: Kernel.IKernelConnection, name: string, fields: Record<string, Field> = {}): Promise<void> {
  await ask(kernel, { code: orderCode(name, fields) });
}

/**
 * Pauses or stops the run that goes on: over a subshell, and where the kernel has none by interrupting it. Whether a cell runs is not
 * asked of the kernel's status, which tells of subshells, too. Where no run goes on, stop ends the paused one.
 */
export async function halt(kernel: Kernel.IKernelConnection, name: 'pause' | 'stop'): Promise<void> {
  if (kernel.supportsSubshells) {
    try {
      await ask(kernel, { code: orderCode(name) }, overSubshell);
    } catch (error) {
      if (name === 'pause') {
        throw error;
      }
      await order(kernel, name);
    }
  } else {
    await kernel.interrupt();
    if (name === 'stop') {
      await kernel.interrupt(); // the second one within two seconds ends the run
    }
  }
}

/** Where the dashboard can be opened once; in a frame of pages from `embed`, where one is named. */
export async function dashboardAddress(kernel: Kernel.IKernelConnection, embed = ''): Promise<string> {
  const told = await value(kernel, frontCode('dashboard_address', { embed }), kernel.supportsSubshells ? overSubshell : execute);
  if (typeof told !== 'string' || !/^(https?:\/\/|\/)/.test(told)) {
    throw new Error(trans.__('The dashboard could not be started; %rlm dashboard tells why.'));
  }
  return told;
}

/** The text of the cell that changes what a paused run is about to do. */
export async function pending(kernel: Kernel.IKernelConnection, run: string): Promise<string> {
  return String(await value(kernel, frontCode('pending_cell', { run })));
}

/** Whether `%rlm` is there: after a restart it is not, until rlm_lab was loaded again. */
export async function hasMagics(kernel: Kernel.IKernelConnection): Promise<boolean> {
  try {
    return (await value(kernel, "int('rlm' in get_ipython().magics_manager.magics['line'])")) === 1;
  } catch {
    return false;
  }
}

/** Leaves the user's settings where rlm_lab will look for them; the kernel need not have it, and nothing of it is shown. */
export function prefer(kernel: Kernel.IKernelConnection, values: Record<string, unknown>): void {
  const text = JSON.stringify(JSON.stringify(values));
  const code = `get_ipython().config.RLMFront.update(__import__('json').loads(${text}))`;
  kernel.requestExecute({ code, silent: true, store_history: false, allow_stdin: false, stop_on_error: false }, true);
}

function frontCode(name: string, fields: Record<string, Field>): string {
  const given = Object.entries(fields).map(([field, one]) => `${field}=${JSON.stringify(one)}`);
  return `__import__('json').dumps(__import__('rlm_lab.kernel.front', fromlist=['order']).${name}(${given.join(', ')}))`;
}

/** The value of an expression, as JSON; rejects with the kernel's own line where it fails. */
async function value(kernel: Kernel.IKernelConnection, code: string, way: Way = execute): Promise<unknown> {
  const reply = await ask(kernel, { code: '', silent: true, user_expressions: { told: code } }, way);
  const { told } = (reply.user_expressions ?? {}) as Record<
    string,
    { ename?: string; evalue?: string; data?: Record<string, unknown> }
  >;
  const text = told?.data?.['text/plain'];
  if (typeof text !== 'string') {
    throw new Error(refused(told?.ename ?? '', told?.evalue ?? trans.__('The kernel did not answer; try again.')));
  }
  return literal(text);
}

/** What `repr` made of a text of JSON, or of a number. */
function literal(text: string): unknown {
  try {
    return JSON.parse(/^(['"]).*\1$/s.test(text) ? unescaped(text.slice(1, -1)) : text);
  } catch {
    return null;
  }
}

/** Python's escapes in the repr of a text of JSON, which holds ASCII only. */
function unescaped(text: string): string {
  return text.replace(/\\(['"\\])/g, '$1');
}

type Request = KernelMessage.IExecuteRequestMsg['content'];

type Answer = KernelMessage.IExecuteReplyMsg['content'];
type Way = (kernel: Kernel.IKernelConnection, content: Request) => Promise<Answer>;

async function ask(
  kernel: Kernel.IKernelConnection,
  content: Request,
  way: Way = execute
): Promise<{ user_expressions?: unknown }> {
  const reply = await way(kernel, content);
  if (reply.status !== 'ok') {
    throw new Error(
      reply.status === 'error' ? refused(reply.ename, reply.evalue) : trans.__('The kernel did not take the command; try again.')
    );
  }
  return reply;
}

function refused(ename: string, evalue: string): string {
  return ename === 'ModuleNotFoundError'
    ? trans.__('The kernel of this notebook has no rlm_lab; install it there.')
    : evalue || ename;
}

async function execute(kernel: Kernel.IKernelConnection, content: Request): Promise<Answer> {
  const future = kernel.requestExecute(
    { silent: false, store_history: false, allow_stdin: false, stop_on_error: false, ...content },
    true
  );
  return (await future.done).content;
}

async function overSubshell(kernel: Kernel.IKernelConnection, content: Request): Promise<Answer> {
  const made = (await kernel.requestCreateSubshell({}).done).content;
  if (!made.subshell_id) {
    throw new Error(trans.__('The kernel gave no way to reach it while a cell runs; interrupt it instead.'));
  }
  const beside = kernel.clone({ handleComms: false });
  beside.subshellId = made.subshell_id;
  try {
    return await execute(beside, content);
  } finally {
    beside.dispose();
    void kernel.requestDeleteSubshell({ subshell_id: made.subshell_id }).done.catch(() => undefined);
  }
}
