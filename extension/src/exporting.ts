// Runs as files that others can open: the server makes them of the logs, the browser saves them.
import { InputDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { type Toolbar, ToolbarButton } from '@jupyterlab/ui-components';
import { tried } from './deeds';
import type { Server } from './server';

const KEPT = 60_000; // ms in which the browser has begun to save

export class Exports {
  constructor(
    private readonly server: Server,
    private readonly trans: TranslationBundle
  ) {}

  /** Asks for the form, and saves the file. */
  async save(paths: string[]): Promise<void> {
    const { server, trans } = this;
    const forms = (await server.forms()).filter(form => form.many || paths.length === 1);
    const lines = forms.map(form => `${form.name}: ${form.told}`);
    const asked = await InputDialog.getItem({
      title: trans._n('Export the run as', 'Export %1 runs as', paths.length),
      items: lines,
      okLabel: trans.__('Export')
    });
    const form = forms[lines.indexOf(asked.value ?? '')];
    if (asked.button.accept && form) {
      const { name, content } = await server.exported(paths, form.name);
      saved(name, content);
    }
  }

  /** A button for the toolbar of a run that is open. */
  addTo(toolbar: Toolbar, path: () => string): void {
    const { trans } = this;
    toolbar.addItem(
      'export',
      new ToolbarButton({
        label: trans.__('Export…'),
        tooltip: trans.__('Save this run as a page, a notebook, a table …'),
        'aria-haspopup': 'dialog',
        'aria-expanded': undefined,
        'aria-controls': undefined,
        onClick: () => void tried(() => this.save([path()]))
      })
    );
  }
}

function saved(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT);
}
