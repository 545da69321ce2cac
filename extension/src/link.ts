// The comm of the extension: what a kernel tells of its live runs, and orders and questions to it. The kernel opens it when rlm_lab is
// loaded there; a page that comes later finds it. Everything in it is hostile text.
import type { Kernel } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import { type Told, toldBy } from './payload';
import { trans } from './translation';

const TARGET = 'rlm_lab';
const VERSION = 1;
const GONE = new Set(['restarting', 'autorestarting', 'terminating', 'dead']);

/** What is used of JupyterLab's comm; the newer ones go over a subshell of their own. */
export type Comm = Pick<Kernel.IComm, 'commId' | 'send' | 'onMsg' | 'onClose' | 'commsOverSubshells'> & {
  subshellStarted?: Promise<void>;
};

interface Waiting {
  done: (value: unknown) => void;
  refused: (reason: Error) => void;
}

/** One kernel's line. */
export class Link {
  readonly runs = new Map<string, Told>();
  private readonly waiting = new Map<string, Waiting>();
  private asked = 0;

  /** `beside`: the kernel has subshells, so that messages reach it while a cell runs. */
  constructor(
    private readonly comm: Comm,
    private readonly beside: boolean,
    private readonly changed: () => void
  ) {
    comm.onMsg = message => this.hear(message.content.data);
    this.ask({ ask: 'runs' }).catch(() => undefined); // they are told as any news
  }

  /** Whether a kernel that is busy with a cell hears this line, too. */
  get reachesBusy(): boolean {
    return this.beside && this.comm.subshellStarted !== undefined && String(this.comm.commsOverSubshells) !== 'disabled';
  }

  /** The id of the run that goes on. */
  get going(): string | undefined {
    return [...this.runs.values()].find(told => told.status === 'running')?.id;
  }

  /** What the kernel answers; rejects with its own line where it refuses. */
  async ask(what: Record<string, string>): Promise<unknown> {
    if (this.reachesBusy) {
      await this.comm.subshellStarted!.catch(() => undefined);
    }
    this.asked += 1;
    const id = `${PAGE}-${this.asked}`; // other pages hear the answers, too
    return new Promise((done, refused) => {
      this.waiting.set(id, { done, refused });
      this.comm.send({ v: VERSION, id, ...what });
    });
  }

  /** How the kernel names it. */
  get id(): string {
    return this.comm.commId;
  }

  /** The line is gone, by default with the kernel and its variables. */
  end(reason = trans.__('The kernel has ended before it answered.')): void {
    this.waiting.forEach(one => one.refused(new Error(reason)));
    this.waiting.clear();
  }

  private hear(said: unknown): void {
    const { v, id, runs, value, refused } = (said ?? {}) as Record<string, unknown>;
    if (v !== VERSION) {
      return;
    }
    const one = typeof id === 'string' ? this.waiting.get(id) : undefined;
    if (one) {
      this.waiting.delete(id as string);
      if (typeof refused === 'string') {
        one.refused(new Error(refused));
      } else {
        one.done(value);
      }
    }
    this.take(runs);
  }

  private take(runs: unknown): void {
    if (Array.isArray(runs)) {
      const told = runs.map(toldBy).filter(one => one !== null);
      told.forEach(one => this.runs.set(one.id, one));
      this.changed();
    }
  }
}

const PAGE = Math.random().toString(36).slice(2);

/** The lines of all kernels of this page. */
export class Links {
  /** Something new was told of the kernel of this id. */
  readonly changed = new Signal<this, string>(this);
  private readonly known = new Map<string, Link>();
  private readonly sought = new WeakMap<Kernel.IKernelConnection, Promise<void>>();

  /** Listens to a kernel from now on. Of several connections to it in a page one takes comms. */
  watch(kernel: Kernel.IKernelConnection): void {
    if (!kernel.handleComms || this.sought.has(kernel)) {
      return;
    }
    kernel.registerCommTarget(TARGET, comm => this.take(kernel, comm));
    kernel.statusChanged.connect((_, status) => void (GONE.has(status) && this.drop(kernel.id)));
    kernel.disposed.connect(() => this.drop(kernel.id));
    this.sought.set(kernel, this.seek(kernel));
  }

  of(kernel: Kernel.IKernelConnection | null | undefined): Link | null {
    return (kernel && this.known.get(kernel.id)) ?? null;
  }

  /** The line, once it was looked for; null where rlm_lab is not loaded. */
  async find(kernel: Kernel.IKernelConnection): Promise<Link | null> {
    await this.sought.get(kernel);
    return this.of(kernel);
  }

  /** Drops a line that the kernel does not know any more: the next order opens another. */
  async check(kernel: Kernel.IKernelConnection, link: Link): Promise<void> {
    const ids = await open(kernel);
    if (ids && !ids.includes(link.id)) {
      this.drop(kernel.id, link, trans.__('The line to the kernel was closed; try again.'));
    }
  }

  private async seek(kernel: Kernel.IKernelConnection): Promise<void> {
    const ids = (await open(kernel)) ?? [];
    ids.filter(id => !kernel.hasComm(id)).forEach(id => this.take(kernel, kernel.createComm(TARGET, id)));
  }

  private take(kernel: Kernel.IKernelConnection, comm: Kernel.IComm): void {
    this.drop(kernel.id);
    const link = new Link(comm, kernel.supportsSubshells, () => this.changed.emit(kernel.id));
    comm.onClose = () => this.drop(kernel.id, link);
    this.known.set(kernel.id, link);
  }

  private drop(id: string, only?: Link, reason?: string): void {
    const link = this.known.get(id);
    if (link && (only === undefined || only === link)) {
      this.known.delete(id);
      link.end(reason);
      this.changed.emit(id);
    }
  }
}

/** The ids of the lines that a kernel knows; null where it ended before it answered. */
async function open(kernel: Kernel.IKernelConnection): Promise<string[] | null> {
  try {
    const { content } = await kernel.requestCommInfo({ target_name: TARGET });
    return content.status === 'ok' ? Object.keys(content.comms) : [];
  } catch {
    return null;
  }
}

export const links = new Links();
