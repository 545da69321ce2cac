// What the status bar shows of the total.
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';
import type { Total } from './total';

export class TotalItem extends Widget {
  constructor(
    private readonly total: Total,
    trans: TranslationBundle
  ) {
    super();
    this.addClass('rlm-lab-Total');
    this.node.title = trans.__('What runs that began since this tab was opened have spent');
    total.changed.connect(this.write, this);
    this.write();
  }

  private write(): void {
    this.node.textContent = this.total.text;
  }
}
