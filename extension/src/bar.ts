// The toolbar of a question's cell: below its text, named, reachable by Tab; what cannot be done says why and stays reachable.
import { editIcon, fastForwardIcon, type LabIcon, refreshIcon, runIcon as playIcon, stopIcon } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import { element } from './dom';
import { pauseIcon, stepIcon } from './icon';
import type { Action } from './states';

const ICONS: Record<Action, LabIcon> = {
  run: playIcon,
  continue: fastForwardIcon,
  step: stepIcon,
  edit: editIcon,
  pause: pauseIcon,
  stop: stopIcon,
  resume: refreshIcon
};

export class CellBar {
  private readonly state = element('span', { class: 'rlm-lab-Bar-state', role: 'status' });
  private readonly buttons = element('span', { class: 'rlm-lab-Bar-buttons' });
  private readonly node: HTMLElement;
  private drawn = '';

  constructor(
    private readonly trans: TranslationBundle,
    private readonly act: (action: Action) => void
  ) {
    // Shortcuts of the notebook would take Enter and Space away from the buttons.
    const attributes = { class: 'rlm-lab-Bar', role: 'toolbar', 'data-lm-suppress-shortcuts': 'true' };
    this.node = element('div', { ...attributes, 'aria-label': trans.__('The run of this cell') }, this.state, this.buttons);
    this.node.addEventListener('keydown', event => this.key(event));
  }

  dispose(): void {
    this.node.remove();
  }

  /** Draws what has changed, below the text of the cell. */
  show(host: HTMLElement, status: string, text: string, offered: [Action, string | null][]): void {
    if (this.node.parentElement !== host) {
      host.append(this.node);
    }
    if (this.state.textContent !== text) {
      this.state.textContent = text;
    }
    this.state.dataset['status'] = status;
    const drawn = JSON.stringify(offered);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      const held = (this.node.contains(document.activeElement) ? document.activeElement : null) as HTMLElement | null;
      const name = held?.dataset['action'];
      this.buttons.replaceChildren(...offered.map(([action, reason]) => this.button(action, reason)));
      if (held) {
        const again = this.buttons.querySelector<HTMLElement>(`[data-action="${name}"]`) ?? this.buttons.querySelector('button');
        again?.focus();
      }
    }
  }

  private button(action: Action, reason: string | null): HTMLButtonElement {
    const label = this.label(action);
    const button = element('button', {
      type: 'button',
      'data-action': action,
      title: reason ? `${label}: ${reason}` : label,
      'aria-label': label,
      'aria-disabled': reason ? 'true' : false,
      click: () => (reason ? undefined : this.act(action))
    });
    if (reason) {
      button.setAttribute('aria-description', reason);
    }
    ICONS[action].element({ container: button });
    if (action === 'resume') {
      button.append(label);
    }
    return button;
  }

  private label(action: Action): string {
    const { trans } = this;
    const labels: Record<Action, string> = {
      run: trans.__('Run this question'),
      continue: trans.__('Continue the run'),
      step: trans.__('Step to the next block'),
      edit: trans.__('Edit what is pending'),
      pause: trans.__('Pause the run'),
      stop: trans.__('Stop the run'),
      resume: trans.__('Resume…')
    };
    return labels[action];
  }

  private key(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? 0;
    const all = [...this.buttons.querySelectorAll('button')];
    const next = all[all.indexOf(event.target as HTMLButtonElement) + step];
    if (step && next) {
      next.focus();
      event.preventDefault();
    }
    event.stopPropagation();
  }
}
