// Markdown as elements, never as HTML text: tokens are turned into nodes one by one, so nothing of a run can act as markup.
// Raw HTML is off, links are shown with their address and lead nowhere, images are shown as their text.
import MarkdownIt from "markdown-it";
import type { Token } from "markdown-it";
import { h, type ComponentChild, type JSX, type VNode } from "preact";

const parser = new MarkdownIt({ html: false, linkify: false });
const ELEMENTS = new Set(["p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "em", "strong", "s", "table", "thead", "tbody", "tr", "th", "td", "hr", "br"]);
const HEADINGS: Record<string, string> = { h1: "h4", h2: "h5", h3: "h6", h4: "h6", h5: "h6" };
const LONGEST = 60_000;
const cache = new Map<string, VNode>();

export function Markdown({ source }: { source: string }): JSX.Element {
  return <div class="markdown">{markdown(source)}</div>;
}

export function markdown(source: string): ComponentChild[] {
  try {
    return nested(parser.parse(source.slice(0, LONGEST), {}));
  } catch {
    return [h("p", null, source)];
  }
}

function nested(tokens: Token[]): ComponentChild[] {
  const stack: ComponentChild[][] = [[]];
  const opened: { tag: string; address: string | null }[] = [];
  for (const token of tokens) {
    const here = stack[stack.length - 1]!;
    if (token.nesting === 1) {
      opened.push({ tag: token.tag, address: token.attrGet("href") });
      stack.push([]);
    } else if (token.nesting === -1) {
      const children = stack.pop()!;
      const { tag, address } = opened.pop() ?? { tag: "span", address: null };
      stack[stack.length - 1]?.push(element(tag, address, children));
    } else here.push(...single(token));
  }
  return stack[0] ?? [];
}

function element(tag: string, address: string | null, children: ComponentChild[]): ComponentChild {
  if (tag === "a") return h("span", { class: "inert", title: address ?? "" }, ...children, address ? h("small", null, ` (${address})`) : null);
  return h(ELEMENTS.has(tag) ? (HEADINGS[tag] ?? tag) : "span", null, ...children);
}

function single(token: Token): ComponentChild[] {
  if (token.type === "inline") return nested(token.children ?? []);
  if (token.type === "fence" || token.type === "code_block") return [h("pre", null, h("code", null, token.content))];
  if (token.type === "code_inline") return [h("code", null, token.content)];
  if (token.type === "hardbreak" || token.type === "softbreak") return token.type === "hardbreak" ? [h("br", null)] : ["\n"];
  if (token.type === "hr") return [h("hr", null)];
  if (token.type === "image") return [h("span", { class: "inert" }, `[image: ${token.content}]`)];
  return token.content ? [token.content] : [];
}

/** The same nodes for the same text, so that what does not change is not drawn again. */
export function kept(owner: string, source: string): VNode {
  const key = `${owner}\0${source}`;
  let node = cache.get(key);
  if (!node) {
    if (cache.size > 200) cache.clear();
    node = <Markdown source={source} />;
    cache.set(key, node);
  }
  return node;
}
