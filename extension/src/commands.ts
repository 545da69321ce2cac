// The commands of the palette: they steer the run of the notebook in front, and write new questions.
import { type JupyterFrontEnd } from '@jupyterlab/application';
import { type ICommandPalette, InputDialog, Notification } from '@jupyterlab/apputils';
import { type INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { dashboardAddress, type Field, halt, order } from './kernel';
import type { Preferences } from './settings';

const NAME = /^[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]*)*$/u;

export interface Around {
  app: JupyterFrontEnd;
  notebooks: INotebookTracker;
  palette: ICommandPalette | null;
  preferences: Preferences;
  trans: TranslationBundle;
}

export function addCommands(around: Around): void {
  const { trans } = around;
  const orders: [string, string, string, Record<string, Field>?][] = [
    ['step', trans.__('Step to the Next Block'), 'step', { into: 'blocks' }],
    ['step-call', trans.__('Step to the Next Call'), 'step', { into: 'calls' }],
    ['continue', trans.__('Continue the Paused Run'), 'continue']
  ];
  for (const [id, label, name, fields] of orders) {
    add(around, id, label, panel => order(kernelOf(panel)!, name, fields));
  }
  add(around, 'pause', trans.__('Pause the Run'), panel => halt(kernelOf(panel)!, 'pause'));
  add(around, 'stop', trans.__('Stop the Run'), panel => halt(kernelOf(panel)!, 'stop'));
  add(around, 'rewind', trans.__('Rewind the Run…'), panel => byStep(panel, 'rewind', trans.__('Rewind to before which step?')));
  add(around, 'fork', trans.__('Fork the Run…'), panel => byStep(panel, 'fork', trans.__('Fork before which step?')));
  add(around, 'dashboard', trans.__('Open the Dashboard'), panel => openDashboard(panel, trans));
  add(around, 'ask', trans.__('New Question about the Selected Variable'), panel => ask(panel, around.preferences.flags));
}

function add(around: Around, name: string, label: string, act: (panel: NotebookPanel) => Promise<void>): void {
  const { app, notebooks, palette, trans } = around;
  const command = `rlm-lab:${name}`;
  app.commands.addCommand(command, {
    label,
    isEnabled: () => kernelOf(notebooks.currentWidget) !== null,
    execute: async () => {
      const panel = notebooks.currentWidget;
      try {
        if (panel && kernelOf(panel)) {
          await act(panel);
        }
      } catch (error) {
        Notification.warning(error instanceof Error ? error.message : String(error), { autoClose: 10_000 });
      }
    }
  });
  palette?.addItem({ command, category: trans.__('Recursive language model') });
}

function kernelOf(panel: NotebookPanel | null): Kernel.IKernelConnection | null {
  return panel?.sessionContext.session?.kernel ?? null;
}

/** What makes a run anew is a line of the notebook: it is written into a cell below, and run. */
async function byStep(panel: NotebookPanel, name: string, title: string): Promise<void> {
  const asked = await InputDialog.getNumber({ title, value: 1 });
  const step = asked.value;
  if (asked.button.accept && step !== null && Number.isInteger(step) && step > 0) {
    write(panel, `%rlm ${name} ${step}`);
    await NotebookActions.run(panel.content, panel.sessionContext);
  }
}

async function openDashboard(panel: NotebookPanel, trans: TranslationBundle): Promise<void> {
  const tab = window.open('', '_blank'); // now, while the browser still knows that the user asked
  try {
    const address = await dashboardAddress(kernelOf(panel)!);
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

async function ask(panel: NotebookPanel, flags: string): Promise<void> {
  const name = selected(panel);
  write(panel, `${['%%rlm', name && `-c ${name}`, flags].filter(Boolean).join(' ')}\n`);
  const { content } = panel;
  await content.activeCell?.ready;
  content.mode = 'edit';
  content.activeCell?.editor?.setCursorPosition({ line: 1, column: 0 });
  content.activeCell?.editor?.focus();
}

/** The selected text, or the word at the cursor, where it can be a name of data. */
function selected(panel: NotebookPanel): string {
  const editor = panel.content.activeCell?.editor;
  if (!editor) {
    return '';
  }
  const { start, end } = editor.getSelection();
  const [from, to] = [editor.getOffsetAt(start), editor.getOffsetAt(end)].sort((one, other) => one - other);
  const text = from === to ? editor.getTokenAtCursor().value : editor.model.sharedModel.getSource().slice(from, to);
  return NAME.test(text.trim()) ? text.trim() : '';
}

function write(panel: NotebookPanel, source: string): void {
  NotebookActions.insertBelow(panel.content);
  panel.content.activeCell?.model.sharedModel.setSource(source);
}
