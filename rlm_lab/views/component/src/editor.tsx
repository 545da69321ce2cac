// Writing in place of a model: code in a real editor with the difference to what the model wrote; answers, hints, prompts as text.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { unifiedMergeView } from "@codemirror/merge";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { Decoration, EditorView, keymap, lineNumbers, MatchDecorator, ViewPlugin, type DecorationSet, type ViewUpdate } from "@codemirror/view";
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { App, Draft as What, Writing as Draft } from "./app";
import { Icon } from "./icons";
import { highlighter } from "./python";

type Mode = "model" | "yours" | "both";
const WORDS: Record<What, { title: string; run: string; told: (app: App) => string }> = {
  edit: { title: "Edit and run", run: "Run my version", told: () => "The model’s history will show your code, so that what it reads is what ran." },
  answer: { title: "Answer it myself", run: "Answer", told: (app) => (app.batchSize > 1 ? `${app.batchSize} answers: one a line, or a JSON list.` : "Goes to the code in place of the model’s answer.") },
  prompt: { title: "Edit the prompt", run: "Send mine", told: () => "Is sent in place of the prompt that the code made." },
  hint: { title: "Hint", run: "Give the hint", told: () => "The model reads it before its next step." },
  refuse: { title: "Send the answer back", run: "Send it back", told: () => "Say what is wrong: the model reads it and goes on." },
  reply: { title: "Reply in the model’s place", run: "Use mine", told: () => "Is read as if the model had written it." },
  override: { title: "Change the answer of a call", run: "Change it", told: () => "The run goes back to that step and runs its code again with your answer." },
};

export function Writing({ app }: { app: App }): JSX.Element | null {
  const writing = app.writing!;
  const words = WORDS[writing.what];
  const [mode, setMode] = useState<Mode>("both");
  const stale = app.state !== null && writing.at !== app.state.stamp && writing.what !== "hint";
  const changed = writing.text !== writing.original;
  const discard = () => { app.writing = null; app.changed(); };
  return (
    <section class="writing" aria-label={words.title} data-reveal="writing" onKeyDown={(event) => {
      if (event.key === "Enter" && event.shiftKey) { event.preventDefault(); event.stopPropagation(); app.submit(); }
    }}>
      <div class="writing-head">
        <h3>{words.title}</h3>
        {writing.what === "edit" && (
          <span class="choice" role="group" aria-label="Which version">
            {(["model", "yours", "both"] as const).map((name) => <button type="button" aria-pressed={mode === name} onClick={() => setMode(name)}>{name}</button>)}
          </span>
        )}
      </div>
      {writing.what === "edit"
        ? <Editor app={app} writing={writing} mode={mode} />
        : <textarea class="plain-writing" aria-label={words.title} rows={writing.what === "prompt" ? 8 : 4} value={writing.text} ref={(box) => { if (box && !box.dataset["seen"]) { box.dataset["seen"] = "1"; box.focus(); } }}
            onInput={(event) => { writing.text = event.currentTarget.value; app.changed(); }} onKeyDown={(event) => { if (event.key === "Escape") discard(); }} />}
      <div class="writing-foot">
        <span class={stale ? "you" : "quiet"}>{stale ? "The run has moved on since this was opened: your text is kept, but it fits an earlier state." : words.told(app)}</span>
        <button type="button" class="plain" onClick={discard}>Discard</button>
        <button type="button" class="button filled" aria-disabled={(!changed && writing.what !== "edit") || stale} onClick={() => { if ((changed || writing.what === "edit") && !stale) app.submit(); }}>
          <Icon name="continue" /> {words.run}
        </button>
        <span class="keys"><kbd>⇧</kbd> <kbd>↵</kbd></span>
      </div>
    </section>
  );
}

function Editor({ app, writing, mode }: { app: App; writing: Draft; mode: Mode }): JSX.Element {
  const box = useRef<HTMLDivElement | null>(null);
  const view = useRef<EditorView | null>(null);
  const difference = useRef(new Compartment());
  useLayoutEffect(() => {
    const root = box.current!.getRootNode();
    view.current = new EditorView({
      parent: box.current!,
      ...(root instanceof ShadowRoot ? { root } : {}),
      state: EditorState.create({ doc: writing.text, extensions: [...basics(app, writing), difference.current.of(compared(writing, mode))] }),
    });
    view.current.focus();
    return () => view.current?.destroy();
  }, []);
  useLayoutEffect(() => {
    view.current?.dispatch({ effects: difference.current.reconfigure(compared(writing, mode)) });
  }, [mode]);
  return (
    <>
      <div class="editor" ref={box} hidden={mode === "model"} />
      {mode === "model" && <pre class="editor-model">{writing.original}</pre>}
    </>
  );
}

function compared(writing: Draft, mode: Mode): Extension {
  return mode === "both" ? unifiedMergeView({ original: writing.original, mergeControls: false, gutter: true, highlightChanges: true, syntaxHighlightDeletions: true, collapseUnchanged: { margin: 4, minSize: 12 } }) : [];
}

function basics(app: App, writing: Draft): Extension[] {
  return [
    lineNumbers(), history(), indentOnInput(), bracketMatching(), indentUnit.of("    "), python(), syntaxHighlighting(highlighter), queries,
    EditorView.lineWrapping,
    EditorView.contentAttributes.of({ "aria-label": "Your version of the code" }),
    keymap.of([
      { key: "Shift-Enter", run: () => { app.submit(); return true; } },
      { key: "Escape", run: (view) => { view.contentDOM.blur(); box(view)?.focus(); return true; } },
      ...defaultKeymap, ...historyKeymap, indentWithTab,
    ]),
    EditorView.updateListener.of((update) => {
      if (!update.docChanged) return;
      writing.text = update.state.doc.toString();
      app.changed();
    }),
  ];
}

function box(view: EditorView): HTMLElement | null {
  return view.dom.closest<HTMLElement>(".view");
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
