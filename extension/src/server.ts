// What the server's part of rlm_lab is asked. It answers with plain values; everything in them is hostile text.
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { refusal } from './failure';
import type { Message, Reply } from '../../rlm_lab/views/component/src/types';

export const SUFFIX = '.rlm.jsonl';

/** One line of the list of runs. */
export interface Row {
  run: string;
  path: string;
  status: string;
  question: string;
  answer: string;
  model: string;
  started: string;
  steps: number | null;
  calls: number | null;
  tokens: number | null;
  cost: number | null;
  seconds: number | null;
  parent: string | null; // the run that a fork was made from
}

/** A form that runs can be exported to; `many` that take several. */
export interface Form {
  name: string;
  told: string;
  many: boolean;
}

export interface Rows {
  runs: Row[];
  left_out: number;
  mark: string; // of this very answer
}

/** What is new of a run: messages for the view, and from where to ask on. */
export interface News {
  reader: string;
  seq: number;
  live: boolean;
  messages: Message[];
  path: string;
}

/** Which run is meant: a path below the server's root, or one relative to `folder`, or an absolute one. */
export interface Place {
  path: string;
  folder?: string;
}

export class Server {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  /** The runs of a folder; what is known already is not sent again. */
  async rows(folder: string, known: Rows | null = null): Promise<Rows> {
    const told = await this.ask<Rows | { mark: string; runs: null }>('runs', { folder, ...(known ? { known: known.mark } : {}) });
    return told.runs === null ? known! : told;
  }

  news(place: Place, last: News | null): Promise<News> {
    return this.ask('run', { ...place, ...(last ? { since: String(last.seq), reader: last.reader } : {}) });
  }

  full(place: Place, node: string, field: string): Promise<Reply> {
    return this.ask('run', { ...place, node, field });
  }

  find(place: Place, text: string): Promise<Reply> {
    return this.ask('run', { ...place, find: text });
  }

  /** Runs held against each other, as the compare page draws them. */
  comparison(paths: string[]): Promise<unknown> {
    return this.ask('comparison', {}, 'GET', paths);
  }

  async forms(): Promise<Form[]> {
    return (await this.ask<{ forms: Form[] }>('export', {})).forms;
  }

  /** Runs as a file in a form, with its name. */
  async exported(paths: string[], to: string): Promise<{ name: string; content: Blob }> {
    const answer = await this.answer('export', { to }, 'GET', paths);
    if (!answer.ok) {
      throw refusal(await answer.json().catch(() => null));
    }
    const [, name] = /filename\*=UTF-8''([^;]+)/.exec(answer.headers.get('Content-Disposition') ?? '') ?? [];
    return { name: decodeURIComponent(name ?? 'run'), content: await answer.blob() };
  }

  /** The notebook of a folder that shows a run, null where none does. */
  notebook(run: string, folder: string): Promise<{ notebook: string | null }> {
    return this.ask('notebook', { run, folder });
  }

  async trash(place: Place): Promise<void> {
    await this.ask('run', { ...place }, 'DELETE');
  }

  private async ask<T>(name: string, query: Record<string, string>, method = 'GET', paths: string[] = []): Promise<T> {
    const answer = await this.answer(name, query, method, paths);
    if (answer.status === 204) {
      return undefined as T;
    }
    const told: unknown = await answer.json().catch(() => null);
    if (answer.ok && told !== null) {
      return told as T;
    }
    throw refusal(told);
  }

  private answer(name: string, query: Record<string, string>, method: string, paths: string[]): Promise<Response> {
    const words = new URLSearchParams([...Object.entries(query), ...paths.map(path => ['path', path])]);
    const address = `${URLExt.join(this.settings.baseUrl, 'rlm-lab', name)}?${words.toString()}`;
    return ServerConnection.makeRequest(address, { method }, this.settings);
  }
}
