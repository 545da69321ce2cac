// Follows a run in its file: asks for what is new, as long as somebody looks, and answers the questions of the view.
import type { Message, Outgoing } from '../../rlm_lab/views/component/src/types';
import { Unreadable } from './failure';
import type { News, Place } from './server';
import { trans } from './translation';

const LIVE = 700; // ms between two questions while the run goes on
const STILL = 5_000; // and when it has ended: a paused or resumed run may grow again
const LONGEST = 30_000;

export interface Asked {
  news(place: Place, last: News | null): Promise<News>;
  full(place: Place, node: string, field: string): Promise<Message>;
  find(place: Place, text: string): Promise<Message>;
}

export class Follower {
  /** Called with each message for the view. */
  tell: (message: Message) => void = () => undefined;
  /** Called when what goes on has ended, or goes on again: `live` tells which. */
  turned: (live: boolean) => void = () => undefined;
  /** Called when the run cannot be told at all. */
  fail: (reason: Unreadable) => void = () => undefined;

  private last: News | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private failures = 0;
  private looking = false;

  constructor(
    private readonly asked: Asked,
    private place: Place
  ) {}

  /** The file's path as the server names it, once it has been read. */
  get path(): string {
    return this.last?.path ?? this.place.path;
  }

  /** Whether the run goes on, as far as its file was read. */
  get live(): boolean {
    return this.last?.live ?? false;
  }

  moved(place: Place): void {
    this.place = place;
  }

  /** Somebody looks, or nobody does. */
  look(on: boolean): void {
    if (on !== this.looking) {
      this.looking = on;
      if (this.timer !== null) {
        clearTimeout(this.timer);
        this.timer = null;
      }
      if (on) {
        void this.ask();
      }
    }
  }

  /** What the view says: a question for a whole text, a search, a ping. Commands have nobody here who could do them. */
  hear(said: Outgoing): void {
    const { fetch, find, ping } = said;
    if (Array.isArray(fetch)) {
      void this.answer(this.asked.full(this.place, String(fetch[0]), String(fetch[1])));
    } else if (typeof find === 'string') {
      void this.answer(this.asked.find(this.place, find));
    } else if (typeof ping === 'number') {
      this.tell({ kind: 'reply', pong: ping });
    }
  }

  private async answer(reply: Promise<Message>): Promise<void> {
    try {
      this.tell(await reply);
    } catch {
      this.tell({ kind: 'reply', refused: trans.__('The server did not answer; try again.') });
    }
  }

  private async ask(): Promise<void> {
    try {
      const news = await this.asked.news(this.place, this.last);
      if (this.failures && this.last) {
        this.tell({ kind: 'lost', text: null });
      }
      this.failures = 0;
      const turned = this.live !== news.live;
      this.last = news;
      news.messages.forEach(message => this.tell(message));
      if (turned) {
        this.turned(news.live);
      }
    } catch (error) {
      this.failed(error);
      if (!this.last && error instanceof Unreadable) {
        return;
      }
    }
    if (this.looking) {
      const pause = (this.last?.live ? LIVE : STILL) * 2 ** Math.min(this.failures, 6);
      this.timer = setTimeout(() => void this.ask(), Math.min(pause, LONGEST));
    }
  }

  private failed(error: unknown): void {
    this.failures += 1;
    const text = error instanceof Error ? error.message : String(error);
    if (this.last) {
      this.tell({ kind: 'lost', text: error instanceof Unreadable ? text : trans.__('This view lost the server; it asks again.') });
    } else {
      this.fail(error instanceof Unreadable ? error : new Unreadable(trans.__('The server did not answer (%1).', text)));
    }
  }
}
