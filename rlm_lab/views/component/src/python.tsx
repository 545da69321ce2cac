// Python with colours, line by line, by the parser that the editor uses too.
import { highlightCode, tagHighlighter, tags } from "@lezer/highlight";
import { parser } from "@lezer/python";
import { h, type ComponentChild } from "preact";

export const QUERY = /^(?:llm_query|rlm_query)\w*$|^(?:FINAL(?:_VAR)?|SUBMIT|SHOW_VARS)$/;
const LONGEST = 120_000;
export const highlighter = tagHighlighter([
  { tag: [tags.keyword, tags.controlKeyword, tags.operatorKeyword, tags.definitionKeyword, tags.moduleKeyword, tags.bool, tags.null], class: "k" },
  { tag: [tags.string, tags.special(tags.string)], class: "s" },
  { tag: [tags.number, tags.integer, tags.float], class: "d" },
  { tag: tags.comment, class: "c" },
]);
const cache = new Map<string, ComponentChild[][]>();

/** Each line of the code as its pieces. */
export function codeLines(code: string): ComponentChild[][] {
  let lines = cache.get(code);
  if (!lines) {
    if (cache.size > 60) cache.clear();
    lines = coloured(code);
    cache.set(code, lines);
  }
  return lines;
}

function coloured(code: string): ComponentChild[][] {
  if (code.length > LONGEST) return code.split("\n").map((line) => [line]);
  const lines: ComponentChild[][] = [[]];
  const put = (piece: string, kind: string) => {
    const query = !kind && QUERY.test(piece);
    lines[lines.length - 1]!.push(kind || query ? h("span", { class: query ? "q" : kind }, piece) : piece);
  };
  try {
    highlightCode(code, parser.parse(code), highlighter, (piece, kind) => {
      if (kind) put(piece, kind);
      else for (const part of piece.split(/\b((?:llm|rlm)_query\w*|FINAL(?:_VAR)?|SUBMIT|SHOW_VARS)\b/)) if (part) put(part, "");
    }, () => lines.push([]));
  } catch {
    return code.split("\n").map((line) => [line]);
  }
  return lines;
}
