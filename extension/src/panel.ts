// The side panel: the runs of the folder that the file browser shows, from the server, newest first; above them the live runs of
// open notebooks.
import { Dialog, showDialog, showErrorMessage } from '@jupyterlab/apputils';
import { closeIcon, refreshIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import type { Deeds } from './deeds';
import { tried } from './deeds';
import { element } from './dom';
import type { Exports } from './exporting';
import { runIcon } from './icon';
import { type Row, type Rows, type Server, SUFFIX } from './server';
import type { Sightings } from './sightings';
import { withLive } from './live';
import { clipped, fits, notMoved, spent, statusWord, when } from './words';

const PERIOD = 3_000; // ms between two looks while the panel is open
const MOST = 300; // rows drawn; a search finds the others
const NAMED = 5; // runs that a question names

export interface Around {
  server: Server;
  trans: TranslationBundle;
  folder: () => string;
  open: (path: string) => void;
  compare: (paths: string[]) => void;
  gone: (path: string) => void;
  deeds: Deeds;
  sightings: Sightings;
  exports: Exports;
}

export class RunsPanel extends Widget {
  private readonly search: HTMLInputElement;
  private readonly status: HTMLSelectElement;
  private readonly list: HTMLUListElement;
  private readonly actions: HTMLElement;
  private readonly chosen = new Set<string>(); // paths
  private readonly note = element('p', { class: 'rlm-lab-Runs-note', role: 'status' });
  private rows: Rows = { runs: [], left_out: 0, mark: '' };
  private drawn = '';
  private stop = ''; // the path of the row at which Tab stops
  private trouble = '';
  private timer: ReturnType<typeof setInterval> | null = null;

  constructor(private readonly around: Around) {
    super();
    const { trans } = around;
    this.id = 'rlm-lab-runs';
    this.addClass('rlm-lab-Runs');
    this.title.icon = runIcon;
    this.title.caption = trans.__('Runs of recursive language models');
    this.node.setAttribute('aria-label', this.title.caption);
    this.search = element('input', {
      type: 'search',
      class: 'jp-mod-styled',
      placeholder: trans.__('Search runs'),
      'aria-label': trans.__('Search runs'),
      input: () => this.draw()
    });
    this.status = element('select', { class: 'jp-mod-styled', 'aria-label': trans.__('State'), change: () => this.draw() });
    const refresh = element('button', {
      type: 'button',
      title: trans.__('Refresh'),
      'aria-label': trans.__('Refresh'),
      click: () => void this.look()
    });
    refreshIcon.element({ container: refresh });
    this.list = element('ul', { class: 'rlm-lab-Runs-list', 'aria-label': trans.__('Runs') });
    this.actions = element('div', { class: 'rlm-lab-Runs-actions', role: 'toolbar', 'aria-label': trans.__('The selected runs') });
    around.sightings.changed.connect(this.draw, this);
    this.node.append(
      element('h2', {}, trans.__('Runs'), refresh),
      element('div', { class: 'rlm-lab-Runs-filter' }, this.search, this.status),
      this.actions,
      this.list,
      this.note
    );
  }

  /** Looks at the folder now. */
  async look(): Promise<void> {
    const folder = this.around.folder();
    try {
      const rows = await this.around.server.rows(folder, this.rows);
      this.trouble = '';
      this.rows = folder === this.around.folder() ? rows : this.rows;
    } catch (error) {
      this.trouble = error instanceof Error ? error.message : String(error);
    }
    this.draw();
  }

  protected override onAfterShow(_: Message): void {
    void this.look();
    this.timer ??= setInterval(() => {
      if (document.visibilityState !== 'hidden') {
        void this.look();
      }
    }, PERIOD);
  }

  protected override onBeforeHide(_: Message): void {
    this.rest();
  }

  protected override onBeforeDetach(_: Message): void {
    this.rest();
  }

  private rest(): void {
    if (this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }

  /** Draws again only where something has changed, so that focus and scroll stay. */
  private draw(): void {
    this.offerStates();
    const found = this.runs.filter(row => fits(row, this.search.value, this.status.value));
    const shown = found.slice(0, MOST);
    this.offer(shown);
    const drawn = JSON.stringify([shown, shown.filter(row => this.chosen.has(row.path)).map(row => row.path)]);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      const held = this.list.contains(document.activeElement);
      this.list.replaceChildren(...shown.map(row => this.item(row)));
      this.stopAt(shown.some(row => row.path === this.stop) ? this.stop : (shown[0]?.path ?? ''));
      if (held) {
        this.list.querySelector<HTMLElement>('.rlm-lab-Runs-run[tabindex="0"]')?.focus();
      }
    }
    this.note.textContent = this.told(found.length);
  }

  private get runs(): Row[] {
    return withLive(this.rows.runs, this.around.sightings.live());
  }

  /** The one row of the list at which Tab stops; the arrows go on from there. */
  private stopAt(path: string): void {
    this.stop = path;
    for (const item of this.list.querySelectorAll('li')) {
      item.querySelector<HTMLElement>('.rlm-lab-Runs-run')!.tabIndex = item.dataset['path'] === path ? 0 : -1;
    }
  }

  /** What can be done with the selected runs; what cannot says why. */
  private offer(shown: Row[]): void {
    const { trans, deeds, open, compare, exports } = this.around;
    const rows = [...this.chosen].flatMap(path => shown.find(row => row.path === path) ?? []); // in the order of selection
    const [first] = rows;
    const one = rows.length === 1 ? null : trans.__('Select one run.');
    const paths = rows.every(row => row.path) ? null : trans.__('This run has no file that is shown here.');
    const others =
      first?.path && !first.path.endsWith(SUFFIX) ? trans.__('This is a log of another engine: its code does not run here.') : null;
    const wanted: [string, string | null, () => Promise<void> | void][] = [
      [trans.__('Open'), one ?? paths, () => open(first!.path)],
      [trans.__('Show its cell'), one, () => deeds.reveal(first!.run, this.around.folder())],
      [
        trans.__('Compare'),
        rows.length > 1 ? paths : trans.__('Select two runs, or more: the one selected first stands first.'),
        () => compare(rows.map(row => row.path))
      ],
      [
        trans.__('Export…'),
        rows.length ? paths : trans.__('Select one run, or more.'),
        () => exports.save(rows.map(row => row.path))
      ],
      [trans.__('Fork…'), one ?? others ?? deeds.withoutNotebook, () => deeds.fork(first!)],
      [
        trans.__('Resume'),
        one ??
          others ??
          (first?.status === 'interrupted' ? deeds.withoutNotebook : trans.__('Only an interrupted run is resumed.')),
        () => deeds.resume(first!, this.around.sightings.of(first!.run))
      ],
      [trans.__('Delete…'), rows.length ? paths : trans.__('Select one run, or more.'), () => this.remove(rows)]
    ];
    const key = JSON.stringify([wanted.map(([name, reason]) => [name, reason]), rows.map(row => row.path)]);
    if (this.actions.dataset['key'] === key) {
      return;
    }
    this.actions.dataset['key'] = key;
    const held = this.actions.contains(document.activeElement) ? document.activeElement?.textContent : null;
    this.actions.replaceChildren(...wanted.map(([name, reason, act]) => this.action(name, reason, act)));
    [...this.actions.querySelectorAll('button')].find(button => button.textContent === held)?.focus();
  }

  private action(name: string, reason: string | null, act: () => Promise<void> | void): HTMLButtonElement {
    return element(
      'button',
      {
        type: 'button',
        title: reason ?? name,
        'aria-disabled': reason === null ? false : 'true',
        'aria-description': reason ?? false,
        click: () => void (reason === null && tried(act))
      },
      name
    );
  }

  /** Selects a run alone, or as well as the others. */
  private choose(row: Row, also: boolean): void {
    const had = this.chosen.has(row.path);
    if (!also) {
      this.chosen.clear();
    }
    if (also && had) {
      this.chosen.delete(row.path);
    } else {
      this.chosen.add(row.path);
    }
    this.draw();
  }

  private told(found: number): string {
    const { trans } = this.around;
    if (this.trouble) {
      return this.trouble;
    }
    if (!this.runs.length) {
      return trans.__('No runs in this folder yet. Ask a question in a notebook with %1.', '%%rlm');
    }
    const more = found > MOST ? trans.__('%1 older ones are found by a search.', found - MOST) : '';
    const others = this.rows.left_out ? trans.__('%1 still older ones are not listed.', this.rows.left_out) : '';
    return [found ? '' : trans.__('No run fits.'), more, others].filter(Boolean).join(' ');
  }

  private offerStates(): void {
    const states = [...new Set(this.runs.map(row => row.status))].sort();
    const known = [...this.status.options].slice(1).map(option => option.value);
    if (!this.status.options.length || states.join() !== known.join()) {
      const chosen = this.status.value;
      this.status.replaceChildren(
        element('option', { value: '' }, this.around.trans.__('All')),
        ...states.map(state => element('option', { value: state }, statusWord(state, this.around.trans)))
      );
      this.status.value = states.includes(chosen) ? chosen : '';
    }
  }

  private item(row: Row): HTMLLIElement {
    const { trans, open } = this.around;
    const parent = row.parent ? trans.__('Fork of %1', clipped(row.parent, 40)) : '';
    const figures = [spent(row, trans), when(row.started), parent].filter(Boolean).join(' · ');
    const remove = element('button', {
      type: 'button',
      class: 'rlm-lab-Runs-remove',
      tabindex: '-1', // the keyboard has Delete, and the toolbar
      title: trans.__('Move to trash'),
      'aria-label': trans.__('Move to trash: %1', clipped(row.question || row.run, 60)),
      click: () => void this.remove([row])
    });
    closeIcon.element({ container: remove });
    const main = element(
      'button',
      {
        type: 'button',
        class: 'rlm-lab-Runs-run',
        title: clipped(`${row.question}\n${row.model}\n${row.path}`, 1_000),
        'aria-pressed': this.chosen.has(row.path) ? 'true' : 'false',
        click: event => this.choose(row, (event as MouseEvent).ctrlKey || (event as MouseEvent).metaKey),
        dblclick: () => open(row.path),
        focus: () => this.stopAt(row.path),
        pointerdown: event => this.around.deeds.drag(event as PointerEvent, row, this),
        keydown: event => this.key(event as KeyboardEvent, row)
      },
      element('span', { class: 'rlm-lab-Runs-state', 'data-status': row.status }, statusWord(row.status, trans)),
      element('span', { class: 'rlm-lab-Runs-question' }, clipped(row.question || row.run, 200)),
      element('span', { class: 'rlm-lab-Runs-answer' }, clipped(row.answer, 160)),
      element('span', { class: 'rlm-lab-Runs-figures' }, figures)
    );
    return element('li', { 'data-path': row.path }, main, ...(row.status === 'paused' || row.status === 'running' ? [] : [remove]));
  }

  private key(event: KeyboardEvent, row: Row): void {
    const all = [...this.list.querySelectorAll<HTMLElement>('.rlm-lab-Runs-run')];
    const at = all.indexOf(event.currentTarget as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) {
      all[to]?.focus();
    } else if (event.key === 'Enter') {
      this.around.open(row.path);
    } else if (event.key === ' ') {
      this.choose(row, true);
    } else if (event.key === 'Delete') {
      void this.remove([row]);
    } else {
      return;
    }
    event.preventDefault();
  }

  private async remove(rows: Row[]): Promise<void> {
    const { trans, server, gone } = this.around;
    const named = rows.map(row => clipped(`${row.question || row.run} (${row.path})`, 200));
    const asked = await showDialog({
      title: trans._n('Move this run to the trash?', 'Move %1 runs to the trash?', rows.length),
      body:
        named.length > NAMED
          ? trans.__('%1 and %2 more', named.slice(0, NAMED).join('; '), named.length - NAMED)
          : named.join('; '),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: trans.__('Move to Trash') })],
      defaultButton: 0
    });
    if (!asked.button.accept) {
      return;
    }
    for (const [moved, { path }] of rows.entries()) {
      try {
        await server.trash({ path });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        await showErrorMessage(trans.__('The run was not moved'), notMoved(path, reason, moved, rows.length, trans));
        break;
      }
      gone(path);
      this.chosen.delete(path);
    }
    await this.look();
  }
}
