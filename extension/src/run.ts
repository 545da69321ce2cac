// A run from its file, drawn by the shared view. The view's module is loaded when the first run is shown.
import { Widget } from '@lumino/widgets';
import type { Message as LuminoMessage } from '@lumino/messaging';
import address from 'rlm-lab-view';
import type { Handle, Host, Message } from '../../rlm_lab/views/component/src/types';
import { Follower } from './follow';
import type { Unreadable } from './failure';
import type { Place, Server } from './server';
import { trans } from './translation';

interface ViewModule {
  mount(element: HTMLElement, host: Host): Handle;
}

let loaded: Promise<ViewModule> | null = null;

function loadView(): Promise<ViewModule> {
  loaded ??= import(/* webpackIgnore: true */ address) as Promise<ViewModule>;
  return loaded;
}

export interface Look {
  compact?: boolean;
  height?: string;
}

export class RunView extends Widget {
  /** Called when the first message has come, or when none will. */
  shown: (failure: Unreadable | null) => void = () => undefined;

  readonly follower: Follower;
  private handle: Handle | null = null;
  private readonly early: Message[] = [];
  private begun = false;

  constructor(
    server: Server,
    place: Place,
    private readonly how: Look = {}
  ) {
    super();
    this.addClass('rlm-lab-Run');
    this.follower = new Follower(server, place);
    this.follower.tell = message => this.take(message);
    this.follower.fail = reason => {
      this.say(reason.message);
      this.shown(reason);
    };
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.follower.look(false);
      this.handle?.destroy();
      super.dispose();
    }
  }

  /** Asks for the run also while it is not shown. */
  begin(): void {
    this.follower.look(true);
  }

  protected override onAfterShow(_: LuminoMessage): void {
    this.begin();
  }

  protected override onAfterAttach(_: LuminoMessage): void {
    if (this.isVisible) {
      this.begin();
    }
  }

  protected override onBeforeHide(_: LuminoMessage): void {
    this.follower.look(false);
  }

  protected override onBeforeDetach(_: LuminoMessage): void {
    this.follower.look(false);
  }

  private take(message: Message): void {
    if (this.handle) {
      this.handle.update(message);
      return;
    }
    this.early.push(message);
    if (!this.begun) {
      this.begun = true;
      void this.mount();
    }
  }

  private async mount(): Promise<void> {
    try {
      const view = await loadView();
      if (this.isDisposed) {
        return;
      }
      const element = document.createElement('div');
      element.className = 'rlm-lab-Run-view';
      this.node.replaceChildren(element);
      const host: Host = {
        send: said => this.follower.hear(said),
        compact: this.how.compact ?? false,
        height: this.how.height ?? null
      };
      this.handle = view.mount(element, host);
      this.early.splice(0).forEach(message => this.handle?.update(message));
      this.shown(null);
    } catch (error) {
      this.say(trans.__('The view of runs could not be loaded (%1). Reload the page.', String(error)));
    }
  }

  private say(text: string): void {
    const line = document.createElement('p');
    line.className = 'rlm-lab-Run-trouble';
    line.setAttribute('role', 'alert');
    line.textContent = text;
    this.node.replaceChildren(line);
  }
}
