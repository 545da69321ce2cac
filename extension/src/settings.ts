// The user's settings, read when they are used: a change holds from then on.
import type { ISettingRegistry } from '@jupyterlab/settingregistry';

export const PLUGIN = 'rlm-lab:plugin';

export class Preferences {
  private settings: ISettingRegistry.ISettings | null = null;

  constructor(registry: ISettingRegistry | null) {
    registry?.load(PLUGIN).then(
      settings => (this.settings = settings),
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

  /** What a new question's first line ends with: model and limits. */
  get flags(): string {
    const model = this.read('model');
    const more = this.read('flags');
    const named = typeof model === 'string' && /^\S+$/.test(model) ? `-m ${model}` : '';
    return [named, typeof more === 'string' ? more.replace(/\s+/g, ' ').trim() : ''].filter(Boolean).join(' ');
  }

  private read(name: string): unknown {
    return this.settings?.composite[name];
  }
}
