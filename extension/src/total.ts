// What the runs of this session have spent: those that were seen in outputs and began after the page was opened.
import type { TranslationBundle } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import type { Told } from './payload';
import { spent } from './words';

export class Total {
  readonly changed = new Signal<this, void>(this);
  private readonly runs = new Map<string, Told>();

  constructor(
    private readonly since: number,
    private readonly trans: TranslationBundle
  ) {}

  add(told: Told): void {
    const known = this.runs.get(told.id);
    if (told.started >= this.since && (known?.tokens !== told.tokens || known.calls !== told.calls)) {
      this.runs.set(told.id, told);
      this.changed.emit();
    }
  }

  get text(): string {
    const all = [...this.runs.values()];
    const sum = (name: 'calls' | 'tokens' | 'cost'): number => all.reduce((before, told) => before + told[name], 0);
    return all.length
      ? [
          this.trans._n('%1 run', '%1 runs', all.length),
          spent({ calls: sum('calls'), tokens: sum('tokens'), cost: sum('cost') || null }, this.trans)
        ].join(' · ')
      : '';
  }
}

export class TotalItem extends Widget {
  constructor(
    private readonly total: Total,
    trans: TranslationBundle
  ) {
    super();
    this.addClass('rlm-lab-Total');
    this.node.title = trans.__('What the runs of this session have spent');
    total.changed.connect(this.write, this);
  }

  private write(): void {
    this.node.textContent = this.total.text;
  }
}
