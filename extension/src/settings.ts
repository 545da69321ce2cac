// The user's settings, read when they are used: a change holds from then on.
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { Signal } from '@lumino/signaling';

export const PLUGIN = 'rlm-lab:plugin';

const LIMITS = {
  maxSteps: 'max_steps',
  maxCalls: 'max_calls',
  maxTokens: 'max_tokens',
  maxCost: 'max_cost',
  maxSeconds: 'max_seconds'
};

export class Preferences {
  readonly changed = new Signal<this, void>(this);
  private settings: ISettingRegistry.ISettings | null = null;

  constructor(registry: ISettingRegistry | null) {
    registry?.load(PLUGIN).then(
      settings => {
        this.settings = settings;
        settings.changed.connect(() => this.changed.emit());
        this.changed.emit();
      },
      (error: unknown) => console.warn('The settings of rlm-lab could not be read; the defaults hold.', error)
    );
  }

  /** Whether saved outputs of runs come to life by themselves. */
  get savedOutputs(): boolean {
    return this.read('savedOutputs') !== false;
  }

  /** Whether `%%rlm` cells show what came of them. */
  get badges(): boolean {
    return this.read('badges') !== false;
  }

  /** What a new question's first line ends with. */
  get flags(): string {
    const flags = this.read('flags');
    return typeof flags === 'string' ? flags.replace(/\s+/g, ' ').trim() : '';
  }

  /** What kernels take where neither a flag nor `%config RLM` says another: model, limits, whether cells show runs live. */
  get defaults(): Record<string, unknown> {
    const model = this.read('model');
    const limits = Object.entries(LIMITS).map(([name, trait]): [string, unknown] => {
      const limit = this.read(name);
      return [trait, typeof limit === 'number' && limit > 0 ? limit : null];
    });
    const named = typeof model === 'string' && model.trim() ? model.trim() : null;
    return { model: named, live: this.read('live') === false ? false : null, ...Object.fromEntries(limits) };
  }

  /** Whose colours code has in the view of a run: its own, or those of the notebook. */
  get codeTheme(): string {
    return this.read('codeTheme') === 'notebook' ? 'notebook' : 'view';
  }

  private read(name: string): unknown {
    return this.settings?.composite[name];
  }
}
