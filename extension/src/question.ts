// Cells that ask: the first line reads as a magic with its flags, what is below it as prose. A cell is one as long as its text says
// so; the cell's own language is not touched, and comes back with the first line. Lines of magics in Python read like that first line.
import { language, StreamLanguage, StringStream } from '@codemirror/language';
import { type EditorState, type Extension, Prec, RangeSetBuilder } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, ViewPlugin, type ViewUpdate } from '@codemirror/view';
import { isQuestion, magicAt } from './words';

interface Place {
  lines: number;
}

const prose = StreamLanguage.define<Place>({
  name: 'rlm-question',
  startState: () => ({ lines: 0 }),
  copyState: state => ({ ...state }),
  blankLine: state => {
    state.lines += 1;
  },
  token: (stream, state) => {
    if (stream.sol()) {
      state.lines += 1;
    }
    return state.lines === 1 ? ofMagic(stream) : ofProse(stream);
  }
});

type Stream = Parameters<Parameters<typeof StreamLanguage.define>[0]['token']>[0];

function ofMagic(stream: Stream): string | null {
  if (stream.eatSpace()) {
    return null;
  }
  for (const [pattern, kind] of MAGIC) {
    if (stream.match(pattern)) {
      return kind;
    }
  }
  stream.next();
  return null;
}

const MAGIC: [RegExp, string | null][] = [
  [/^%%?rlm(?:_answer|_edit)?(?=\s|$)/, 'keyword'],
  [/^--?[A-Za-z][\w-]*/, 'attributeName'],
  [/^"(?:[^"\\]|\\.)*"?/, 'string'],
  [/^'(?:[^'\\]|\\.)*'?/, 'string'],
  [/^\d[\d_.]*(?=\s|$)/, 'number'],
  [/^[^\s"']+/, 'variableName']
];

/** Names between backticks stand out; everything else is plain text. */
function ofProse(stream: Stream): string | null {
  if (stream.match(/^`[^`]+`/)) {
    return 'string';
  }
  stream.next();
  stream.eatWhile(/[^`]/);
  return null;
}

function asks(state: EditorState): boolean {
  return isQuestion(state.doc.line(1).text);
}

/** What is seen of magics among Python, marked: its own colours would make arithmetic of them. */
function magics({ state, viewport }: EditorView): DecorationSet {
  const made = new RangeSetBuilder<Decoration>();
  for (let at = viewport.from; at <= viewport.to && !asks(state);) {
    const line = state.doc.lineAt(at);
    const begin = magicAt(line.text);
    const stream = new StringStream(line.text.slice(Math.max(begin, 0)), 4, 4);
    while (begin >= 0 && !stream.eol()) {
      stream.start = stream.pos;
      const kind = ofMagic(stream);
      const from = line.from + begin;
      made.add(
        from + stream.start,
        from + stream.pos,
        Decoration.mark({ class: `rlm-lab-Magic rlm-lab-Magic-${kind ?? 'other'}` })
      );
    }
    at = line.to + 1;
  }
  return made.finish();
}

class Magics {
  decorations: DecorationSet;

  constructor(view: EditorView) {
    this.decorations = magics(view);
  }

  update({ docChanged, viewportChanged, view }: ViewUpdate): void {
    if (docChanged || viewportChanged) {
      this.decorations = magics(view);
    }
  }
}

// The editor has a language from the start, or none at all: a provider that may give none needs one below it.
const none = StreamLanguage.define({ name: 'rlm-none', token: stream => (stream.skipToEnd(), null) });

export const questions: Extension = [
  Prec.highest(language.computeN(['doc'], state => (asks(state) ? [prose] : []))),
  Prec.lowest(language.of(none)),
  Prec.highest(ViewPlugin.fromClass(Magics, { decorations: magic => magic.decorations })), // within the marks of Python
  EditorView.contentAttributes.computeN(['doc'], state =>
    asks(state) ? [{ class: 'cm-lineWrapping rlm-lab-Question', spellcheck: 'true' }] : []
  )
];
