// The saved output of a run comes back to life: where its file can be read, the view takes the place of the HTML that was saved. No
// kernel is needed. What has run since the page was opened keeps its result as it stands; a button shows its view. Of a run that was not
// over when the page was opened, its kernel's messages no longer reach the output: the view follows the file, until the cell's own
// live view stands there again.
import { PathExt } from '@jupyterlab/coreutils';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { TranslationBundle } from '@jupyterlab/translation';
import { PanelLayout, Widget } from '@lumino/widgets';
import { element } from './dom';
import type { Unreadable } from './failure';
import { isOver, MIME, places, type Told, toldBy } from './payload';
import { RunView } from './run';
import type { Server } from './server';

const RANK = 30; // after widgets, which are a live view, and before HTML
const HEIGHT = '560px';

export interface Around {
  server: Server;
  rendermime: IRenderMimeRegistry;
  trans: TranslationBundle;
  revive: () => boolean; // whether saved outputs come to life by themselves
  open: ((path: string) => void) | null; // in a tab, where there are tabs
  ended: () => void; // a run that was saved in its midst has ended, as its file tells
}

class RunOutput extends Widget implements IRenderMime.IRenderer {
  private readonly saved: IRenderMime.IRenderer;
  private readonly bar = element('div', { class: 'rlm-lab-Output-bar' });
  private told: Told | null = null;
  private asked = false; // whether the user did, who then is told why it cannot be
  private view: RunView | null = null;
  private watch: IntersectionObserver | null = null;
  private readonly returned = new MutationObserver(() => this.giveWay());

  constructor(
    private readonly around: Around,
    private readonly options: IRenderMime.IRendererOptions
  ) {
    super();
    this.addClass('rlm-lab-Output');
    const layout = (this.layout = new PanelLayout());
    const html = around.rendermime.getFactory('text/html');
    this.saved = html ? html.createRenderer({ ...options, mimeType: 'text/html' }) : around.rendermime.createRenderer('text/plain');
    layout.addWidget(this.saved);
    this.node.append(this.bar);
  }

  override dispose(): void {
    this.watch?.disconnect();
    this.returned.disconnect();
    super.dispose();
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.told = toldBy(model.data[MIME]);
    this.back();
    await this.saved.renderModel(model);
    const { told } = this;
    this.returned.disconnect();
    if (!told?.path || !(isOver(told) || this.left)) {
      this.bar.replaceChildren();
      return;
    }
    this.offer();
    if (this.left) {
      this.returned.observe(this.saved.node, { childList: true, subtree: true });
    }
    if (this.left || (told.started < performance.timeOrigin && this.around.revive())) {
      this.whenSeen(() => this.revive());
    }
  }

  /** Whether the output was left behind by a page that is gone, in the midst of a run. */
  private get left(): boolean {
    const { told } = this;
    return told !== null && !isOver(told) && told.at > 0 && told.at < performance.timeOrigin;
  }

  /** The live view is drawn in its place again: a paused run's, whose kernel can be heard. */
  private giveWay(): void {
    if (this.saved.node.querySelector('[data-rlm-live] > [data-lm-suppress-shortcuts]')) {
      this.returned.disconnect();
      this.watch?.disconnect();
      this.back();
      this.bar.replaceChildren();
    }
  }

  private offer(): void {
    const { trans } = this.around;
    this.bar.replaceChildren(element('button', { type: 'button', click: () => this.revive(true) }, trans.__('Look into this run')));
  }

  /** Shows the view in place of the HTML, once the file was found. */
  private revive(asked = false): void {
    const path = this.told?.path;
    this.asked = asked;
    if (path && !this.view && !this.isDisposed) {
      this.seek(places(path));
    }
  }

  private seek(paths: string[]): void {
    const [path, ...others] = paths;
    const look = this.asked ? { height: HEIGHT } : { compact: true };
    const view = new RunView(this.around.server, { path: path!, folder: this.folder }, look);
    this.view = view;
    view.hide();
    (this.layout as PanelLayout).addWidget(view);
    view.follower.turned = live => this.turned(live, view);
    view.shown = failure => {
      if (failure === null) {
        this.swap(view);
        return;
      }
      view.dispose();
      this.view = null;
      if (others.length && !failure.absent) {
        this.seek(others);
      } else if (this.asked) {
        this.complain(failure);
      }
    };
    view.begin();
  }

  private swap(view: RunView): void {
    this.saved.hide();
    view.show();
    this.tell(view);
  }

  private turned(live: boolean, view: RunView): void {
    if (view === this.view && !view.isHidden) {
      this.tell(view);
    }
    if (!live) {
      this.around.ended();
    }
  }

  /** What stands below the view: what can be done, and why the view is not the saved output. */
  private tell(view: RunView): void {
    const { open, trans } = this.around;
    const note = view.follower.live
      ? trans.__('This was saved while the run went on: its file is followed. To pause it, interrupt the kernel.')
      : trans.__('This was saved while the run went on; its file tells the end.');
    const buttons = this.left ? [element('span', { class: 'rlm-lab-Output-note' }, note)] : [];
    buttons.push(element('button', { type: 'button', click: () => this.back() }, trans.__('Show the saved output')));
    if (open) {
      const click = (): void => open(view.follower.path);
      buttons.push(element('button', { type: 'button', click }, trans.__('Open in a tab')));
    }
    this.bar.replaceChildren(...buttons);
  }

  private back(): void {
    this.view?.dispose();
    this.view = null;
    this.saved.show();
    this.offer();
  }

  private complain(failure: Unreadable): void {
    this.bar.append(element('span', { class: 'rlm-lab-Output-trouble', role: 'alert' }, failure.message));
  }

  private whenSeen(act: () => void): void {
    this.watch?.disconnect();
    this.watch = new IntersectionObserver(entries => {
      if (entries.some(entry => entry.isIntersecting)) {
        this.watch?.disconnect();
        act();
      }
    });
    this.watch.observe(this.node);
  }

  /** The folder of the notebook, which paths in its outputs are relative to. */
  private get folder(): string {
    const path = (this.options.resolver as { path?: unknown } | null)?.path;
    return typeof path === 'string' ? PathExt.dirname(path) : '';
  }
}

export function addRunOutputs(around: Around): void {
  around.rendermime.addFactory(
    { safe: true, mimeTypes: [MIME], defaultRank: RANK, createRenderer: options => new RunOutput(around, options) },
    RANK
  );
}
