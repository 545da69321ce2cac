// What the runs of this session have spent: those that were seen in outputs, or that kernels told of, and began after the tab was
// opened. The tab keeps their figures, so that they are there again when its page is loaded anew.
import type { TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import type { Told } from './payload';
import { spent } from './words';

const KEY = 'rlm-lab:total';

type Figures = Pick<Told, 'calls' | 'tokens' | 'cost'>;
type Kept = Pick<Storage, 'getItem' | 'setItem'>;

export class Total {
  readonly changed = new Signal<this, void>(this);
  private readonly runs: Map<string, Figures>;
  private readonly since: number;

  /** `opened`: when the page was, in ms; `kept`: what the tab keeps. */
  constructor(
    opened: number,
    private readonly trans: TranslationBundle,
    private readonly kept: Kept
  ) {
    const { since, runs } = JSON.parse(kept.getItem(KEY) ?? '{}') as { since?: number; runs?: [string, Figures][] };
    this.since = since ?? opened;
    this.runs = new Map(runs ?? []);
  }

  add(told: Told): void {
    const known = this.runs.get(told.id);
    if (told.started >= this.since && (known?.tokens !== told.tokens || known.calls !== told.calls)) {
      this.runs.set(told.id, { calls: told.calls, tokens: told.tokens, cost: told.cost });
      this.kept.setItem(KEY, JSON.stringify({ since: this.since, runs: [...this.runs] }));
      this.changed.emit();
    }
  }

  get text(): string {
    const all = [...this.runs.values()];
    const sum = (name: keyof Figures): number => all.reduce((before, told) => before + told[name], 0);
    return all.length
      ? [
          this.trans._n('%1 run', '%1 runs', all.length),
          spent({ calls: sum('calls'), tokens: sum('tokens'), cost: sum('cost') || null }, this.trans)
        ].join(' · ')
      : '';
  }
}
