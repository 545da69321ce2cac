// The commands of the palette: they steer the run of the notebook in front, and write new questions.
import { type JupyterFrontEnd } from '@jupyterlab/application';
import { type ICommandPalette, InputDialog } from '@jupyterlab/apputils';
import type { CodeCell, ICodeCellModel } from '@jupyterlab/cells';
import { type INotebookTracker, NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { DashboardTabs } from './dashboard';
import { type Deeds, kernelOf, tried, write } from './deeds';
import { halt, order, pending } from './kernel';
import type { Told } from './payload';
import type { Preferences } from './settings';
import type { Action } from './states';
import { asWord, isQuestion } from './words';

const NAME = /^[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]*)*$/u;

export interface Around {
  app: JupyterFrontEnd;
  notebooks: INotebookTracker;
  palette: ICommandPalette | null;
  preferences: Preferences;
  dashboards: DashboardTabs;
  deeds: Deeds;
  trans: TranslationBundle;
}

export function addCommands(around: Around): void {
  const { trans } = around;
  const orders: [string, string, string, Record<string, string>?][] = [
    ['step', trans.__('Step to the Next Block'), 'step', { into: 'blocks' }],
    ['step-call', trans.__('Step to the Next Call'), 'step', { into: 'calls' }],
    ['continue', trans.__('Continue the Paused Run'), 'continue']
  ];
  for (const [id, label, name, fields] of orders) {
    add(around, id, label, panel => order(kernelOf(panel)!, name, fields));
  }
  add(around, 'pause', trans.__('Pause the Run'), panel => halt(kernelOf(panel)!, 'pause', () => asks(panel)));
  add(around, 'stop', trans.__('Stop the Run'), panel => halt(kernelOf(panel)!, 'stop', () => asks(panel)));
  add(around, 'rewind', trans.__('Rewind the Run…'), panel =>
    byStep(around, panel, 'rewind', trans.__('Rewind to before which step?'))
  );
  add(around, 'fork', trans.__('Fork the Run…'), panel => byStep(around, panel, 'fork', trans.__('Fork before which step?')));
  add(around, 'edit', trans.__('Edit What Is Pending'), panel => edit(panel));
  add(around, 'compare', trans.__('Compare Runs…'), panel =>
    withWords(around, panel, 'compare', trans.__('Which runs? Two ids, or more'))
  );
  add(around, 'export', trans.__('Export the Last Run…'), panel =>
    withWords(around, panel, 'export --out', trans.__('To which file? (such as run.html)'), name => asWord(name, trans))
  );
  add(around, 'dashboard', trans.__('Open the Dashboard'), panel => around.dashboards.open(panel));
  add(around, 'ask', trans.__('New Question about the Selected Variable'), panel => ask(panel, around.preferences.flags));
}

function add(around: Around, name: string, label: string, act: (panel: NotebookPanel) => Promise<void>): void {
  const { app, notebooks, palette, trans } = around;
  const command = `rlm-lab:${name}`;
  app.commands.addCommand(command, {
    label,
    describedBy: { args: { type: 'object', properties: {} } },
    isEnabled: () => kernelOf(notebooks.currentWidget) !== null,
    execute: async () => {
      const panel = notebooks.currentWidget;
      if (panel && kernelOf(panel)) {
        await tried(() => act(panel));
      }
    }
  });
  palette?.addItem({ command, category: trans.__('Recursive language model') });
}

/** What makes a run anew is a line of the notebook: it is written into a cell below, and run. */
async function byStep({ trans }: Around, panel: NotebookPanel, name: string, title: string): Promise<void> {
  const label = trans.__('A step of the last run, from 1; a line is written into a new cell, and run');
  const asked = await InputDialog.getNumber({ title, value: 1, label });
  const step = asked.value;
  if (asked.button.accept && step !== null && Number.isInteger(step) && step > 0) {
    write(panel, `%rlm ${name} ${step}`);
    await NotebookActions.run(panel.content, panel.sessionContext);
  }
}

/** A line that needs words of the user: they are asked for, and the line is run in a cell below. */
async function withWords(
  around: Around,
  panel: NotebookPanel,
  name: string,
  title: string,
  written: (words: string) => string = words => words
): Promise<void> {
  const asked = await InputDialog.getText({ title });
  const words = asked.value?.replace(/\s+/g, ' ').trim();
  if (asked.button.accept && words) {
    await around.deeds.line(`%rlm ${name} ${written(words)}`, true, panel);
  }
}

/** Whether what runs, or waits to, are questions alone. */
function asks(panel: NotebookPanel): boolean {
  const models = panel.content.widgets.map(cell => cell.model as ICodeCellModel);
  const busy = models.filter(model => model.type === 'code' && model.executionState === 'running');
  return busy.length > 0 && busy.every(model => isQuestion(model.sharedModel.getSource()));
}

/** What is pending comes into a cell below, a notebook editor with the kernel's completion; running that cell sends it. */
async function edit(panel: NotebookPanel, run = ''): Promise<void> {
  const text = await pending(kernelOf(panel)!, run);
  write(panel, text);
  const { content } = panel;
  await content.activeCell?.ready;
  content.mode = 'edit';
  content.activeCell?.editor?.setCursorPosition({ line: 1, column: 0 });
  content.activeCell?.editor?.focus();
}

/** What a button of a cell's toolbar does. */
export async function act(
  around: Pick<Around, 'deeds'>,
  action: Action,
  cell: CodeCell,
  panel: NotebookPanel,
  told: Told | null
): Promise<void> {
  const { content, sessionContext } = panel;
  const kernel = kernelOf(panel);
  const run = told?.id ?? '';
  content.activeCellIndex = content.widgets.indexOf(cell);
  if (action === 'run') {
    content.deselectAll();
    await NotebookActions.run(content, sessionContext);
  } else if (action === 'resume') {
    await around.deeds.resume({ run, path: '' }, { told: told!, cell, panel });
  } else if (action === 'edit') {
    await edit(panel, run);
  } else if (kernel && (action === 'pause' || (action === 'stop' && told?.status !== 'paused'))) {
    await halt(kernel, action, () => told?.status === 'running' || asks(panel));
  } else if (kernel) {
    await order(kernel, action, action === 'step' ? { run, into: 'blocks' } : { run });
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
