// The editor of code, a module of its own: CodeMirror with Python, and the difference to what the model wrote.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { unifiedMergeView } from "@codemirror/merge";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { Decoration, EditorView, keymap, lineNumbers, MatchDecorator, ViewPlugin, type DecorationSet, type ViewUpdate } from "@codemirror/view";
import { highlighter } from "./python";

export type Mode = "model" | "yours" | "both";
/** `change` is told each new text, `submit` is called for Shift and Enter. */
export interface Opening { text: string; original: string; mode: Mode; change(text: string): void; submit(): void }
export interface CodeEditor { compare(mode: Mode): void; destroy(): void }

export function open(box: HTMLElement, opening: Opening): CodeEditor {
  const difference = new Compartment();
  const root = box.getRootNode();
  const view = new EditorView({
    parent: box,
    ...(root instanceof ShadowRoot ? { root } : {}),
    state: EditorState.create({ doc: opening.text, extensions: [...basics(opening), difference.of(compared(opening.original, opening.mode))] }),
  });
  view.focus();
  return {
    compare: (mode) => view.dispatch({ effects: difference.reconfigure(compared(opening.original, mode)) }),
    destroy: () => view.destroy(),
  };
}

function compared(original: string, mode: Mode): Extension {
  return mode === "both" ? unifiedMergeView({ original, mergeControls: false, gutter: true, highlightChanges: true, syntaxHighlightDeletions: true, collapseUnchanged: { margin: 4, minSize: 12 } }) : [];
}

function basics(opening: Opening): Extension[] {
  return [
    lineNumbers(), history(), indentOnInput(), bracketMatching(), indentUnit.of("    "), python(), syntaxHighlighting(highlighter), queries,
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": "Your version of the code" }),
    keymap.of([
      { key: "Shift-Enter", run: () => { opening.submit(); return true; } },
      { key: "Escape", run: (view) => { view.contentDOM.blur(); view.dom.closest<HTMLElement>(".view")?.focus(); return true; } },
      ...defaultKeymap, ...historyKeymap, indentWithTab,
    ]),
    EditorView.updateListener.of((update) => {
      if (update.docChanged) opening.change(update.state.doc.toString());
    }),
  ];
}

const matcher = new MatchDecorator({ regexp: /\b(?:(?:llm|rlm)_query\w*|FINAL(?:_VAR)?|SUBMIT|SHOW_VARS)\b/g, decoration: Decoration.mark({ class: "q" }) });
const queries = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;
    constructor(view: EditorView) { this.decorations = matcher.createDeco(view); }
    update(update: ViewUpdate) { this.decorations = matcher.updateDeco(update, this.decorations); }
  },
  { decorations: (plugin) => plugin.decorations },
);
