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
}

export interface Rows {
  runs: Row[];
  left_out: number;
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

  rows(folder: string): Promise<Rows> {
    return this.ask('runs', { folder });
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

  /** The notebook of a folder that shows a run, null where none does. */
  notebook(run: string, folder: string): Promise<{ notebook: string | null }> {
    return this.ask('notebook', { run, folder });
  }

  async trash(place: Place): Promise<void> {
    await this.ask('run', { ...place }, 'DELETE');
  }

  private async ask<T>(name: string, query: Record<string, string>, method = 'GET', paths: string[] = []): Promise<T> {
    const words = new URLSearchParams([...Object.entries(query), ...paths.map(path => ['path', path])]);
    const address = `${URLExt.join(this.settings.baseUrl, 'rlm-lab', name)}?${words.toString()}`;
    const answer = await ServerConnection.makeRequest(address, { method }, this.settings);
    if (answer.status === 204) {
      return undefined as T;
    }
    const told: unknown = await answer.json().catch(() => null);
    if (answer.ok && told !== null) {
      return told as T;
    }
    throw refusal(told);
  }
}
