// Writing in place of a model: code in a real editor with the difference to what the model wrote; answers, hints, prompts as text.
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { App, Draft as What, Writing as Draft } from "./app";
import type { CodeEditor, Mode } from "./codemirror";
import { grouped } from "./figures";
import { Icon } from "./icons";

const WORDS: Record<What, { title: string; run: string; told: (app: App) => string }> = {
  edit: { title: "Edit and run", run: "Run my version", told: () => "The model’s history will show your code, so that what it reads is what ran." },
  answer: { title: "Answer it myself", run: "Answer", told: (app) => (app.batchSize > 1 ? `${grouped(app.batchSize)} answers: one a line, or a JSON list.` : "Goes to the code in place of the model’s answer.") },
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
  const stale = app.state !== null && writing.at !== app.state.stamp && !writing.sent && writing.what !== "hint";
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
        {writing.refused
          ? <span class="fail" role="alert"><Icon name="warning" /> {writing.refused}</span>
          : stale
            ? <span class="you" role="alert"><b>This was not done.</b> The run has moved on since this was opened; your text is kept. {app.cannot(writing.what) === null && <button type="button" class="link" onClick={() => app.renew()}>Use it here</button>}</span>
            : <span class="quiet">{words.told(app)}</span>}
        <button type="button" class="plain" onClick={discard}>Discard</button>
        <button type="button" class="button filled" aria-disabled={(!changed && writing.what !== "edit") || stale} onClick={() => { if ((changed || writing.what === "edit") && !stale) app.submit(); }}>
          <Icon name="continue" /> {words.run}
        </button>
        <span class="keys"><kbd>⇧</kbd> <kbd>↵</kbd></span>
      </div>
    </section>
  );
}

/** The editor is a module of its own, loaded when somebody first writes code; until it is there, or where it cannot be had, a plain field. */
function Editor({ app, writing, mode }: { app: App; writing: Draft; mode: Mode }): JSX.Element {
  const box = useRef<HTMLDivElement | null>(null);
  const made = useRef<CodeEditor | null>(null);
  const [here, setHere] = useState(false);
  useLayoutEffect(() => {
    let over = false;
    const change = (text: string) => { writing.text = text; app.changed(); };
    loadEditor(app).then(({ open }) => {
      if (over || !box.current) return;
      made.current = open(box.current, { text: writing.text, original: writing.original, mode, change, submit: () => app.submit() });
      setHere(true);
    }).catch(() => undefined);
    return () => { over = true; made.current?.destroy(); };
  }, []);
  useLayoutEffect(() => made.current?.compare(mode), [mode, here]);
  return (
    <>
      <div class="editor" ref={box} hidden={mode === "model"} />
      {!here && mode !== "model" && <textarea class="plain-writing" aria-label="Your version of the code" rows={10} spellcheck={false} value={writing.text} onInput={(event) => { writing.text = event.currentTarget.value; app.changed(); }} />}
      {mode === "model" && <pre class="editor-model">{writing.original}</pre>}
    </>
  );
}

type EditorModule = typeof import("./codemirror");
let loading: Promise<EditorModule> | null = null;

function loadEditor(app: App): Promise<EditorModule> {
  loading ??= (app.host.load ? (app.host.load("editor") as Promise<EditorModule>) : import("./codemirror"));
  loading.catch(() => { loading = null; }); // asked for again the next time
  return loading;
}
