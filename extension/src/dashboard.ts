// The dashboard in a tab beside the notebook: a page of the kernel's own server, in a frame that may run its scripts and nothing else.
import type { ILabShell } from '@jupyterlab/application';
import { MainAreaWidget, Notification } from '@jupyterlab/apputils';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { IFrame } from '@jupyterlab/ui-components';
import type { Kernel } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { kernelOf } from './deeds';
import { runIcon } from './icon';
import { dashboardAddress } from './kernel';

type Tab = MainAreaWidget<IFrame>;

export class DashboardTabs {
  private readonly tabs = new Map<string, Tab>(); // by kernel

  constructor(
    private readonly shell: ILabShell | null,
    private readonly trans: TranslationBundle
  ) {}

  /** The dashboard of a notebook's kernel: the tab that shows it, or a new one beside the notebook. */
  async open(panel: NotebookPanel): Promise<void> {
    const kernel = kernelOf(panel)!;
    const { shell } = this;
    if (!shell) {
      return this.openApart(kernel);
    }
    const known = this.tabs.get(kernel.id);
    if (known && !known.isDisposed) {
      shell.activateById(known.id);
      return;
    }
    const tab = this.made(await dashboardAddress(kernel, window.location.origin), panel);
    this.tabs.set(kernel.id, tab);
    const gone = (_: unknown, status: string): void => {
      if (status === 'restarting' || status === 'autorestarting' || status === 'dead') {
        tab.dispose(); // its server has ended with the kernel
      }
    };
    kernel.statusChanged.connect(gone);
    tab.disposed.connect(() => {
      kernel.statusChanged.disconnect(gone);
      this.tabs.delete(kernel.id);
    });
    shell.add(tab, 'main', { ref: panel.id, mode: 'split-right' });
    shell.activateById(tab.id);
  }

  /** In a tab of the browser, where the application has none beside its notebook. */
  private async openApart(kernel: Kernel.IKernelConnection): Promise<void> {
    const { trans } = this;
    const tab = window.open('', '_blank'); // now, while the browser still knows that the user asked
    try {
      const address = await dashboardAddress(kernel);
      if (tab) {
        tab.opener = null;
        tab.location.href = address;
      } else {
        const callback = (): void => void window.open(address, '_blank', 'noopener');
        Notification.info(trans.__('The dashboard is ready.'), { actions: [{ label: trans.__('Open'), callback }] });
      }
    } catch (error) {
      tab?.close();
      throw error;
    }
  }

  private made(address: string, panel: NotebookPanel): Tab {
    const { trans } = this;
    const content = new IFrame({ sandbox: ['allow-scripts', 'allow-same-origin', 'allow-downloads'], loading: 'eager' });
    content.url = `${address}&theme=${document.body.dataset['jpThemeLight'] === 'false' ? 'dark' : 'light'}`;
    const tab = new MainAreaWidget({ content });
    tab.id = `rlm-lab-dashboard-${panel.id}`;
    tab.addClass('rlm-lab-Dashboard');
    tab.title.label = trans.__('Dashboard');
    tab.title.caption = trans.__('Runs of the kernel of %1', panel.title.label);
    tab.title.icon = runIcon;
    tab.title.closable = true;
    content.node.querySelector('iframe')?.setAttribute('title', tab.title.caption);
    return tab;
  }
}
