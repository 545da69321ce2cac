// Small parts that several panes use: buttons that say why they cannot work, long texts, virtual lists.
import { Component, type ComponentChild, type ComponentChildren, type JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { App } from "./app";
import { bytes, counted } from "./figures";
import { Icon } from "./icons";

export function Act(props: { app: App; command: string; icon?: string; label: string; keys?: string; onDo?: () => void; quiet?: boolean; second?: boolean }): JSX.Element {
  const { app, command, label } = props;
  const reason = app.cannot(command);
  const told = reason !== null && (app.asked === label || (app.asked === command && !props.second));
  const tip = `why-${label.replaceAll(" ", "-")}`;
  const press = () => {
    if (reason !== null) {
      app.asked = label;
      app.changed();
    } else if (props.onDo) props.onDo();
    else app.command(command);
  };
  return (
    <span class="act">
      <button
        type="button"
        class={props.quiet ? "plain" : "button"}
        aria-disabled={reason !== null}
        aria-describedby={told ? tip : undefined}
        title={reason ?? (props.keys ? `${label} (${props.keys})` : label)}
        onClick={press}
      >
        {props.icon && <Icon name={props.icon} />}
        <span class="name">{label}</span>
      </button>
      {told && <span class="tip" id={tip} role="status">{reason}</span>}
    </span>
  );
}

/** A text of a run, in full or with what was cut said where it was cut; search hits are marked. */
export function LongText(props: { app: App; id: string; field: string; most?: number; from?: number; code?: boolean }): JSX.Element {
  const { app, id, field } = props;
  const whole = app.full(id, field).slice(props.from ?? 0);
  const missing = app.isCut(id, field);
  const key = `${id}/${field}`;
  const most = app.opened.has(key) || app.whole.has(key) ? 400_000 : (props.most ?? 6_000);
  const shown = whole.slice(0, most);
  const left = Math.max((missing ? missing - (props.from ?? 0) : whole.length) - shown.length, 0);
  return (
    <>
      <span class="run-text">{marked(shown, app.wanted)}</span>
      {left > 0 && (
        <>
          {" … "}
          {missing && app.host.readOnly
            ? <span class="quiet">{counted(left, "more character")} {left === 1 ? "is" : "are"} left out of this file</span>
            : <button type="button" class="link" onClick={() => { app.opened.add(key); if (missing) app.fetch(id, field); else app.changed(); }}>
                {app.pending.has(key) ? "fetching them" : counted(left, "more character")}
              </button>}
        </>
      )}
    </>
  );
}

/** The text with what is searched for marked; at most 200 marks. */
export function marked(text: string, wanted: string): ComponentChild {
  if (!wanted || wanted.length < 2) return text;
  const parts: ComponentChild[] = [];
  const low = text.toLowerCase(), needle = wanted.toLowerCase();
  let at = 0;
  for (let found = low.indexOf(needle); found >= 0 && parts.length < 400; found = low.indexOf(needle, at)) {
    if (found > at) parts.push(text.slice(at, found));
    parts.push(<mark>{text.slice(found, found + wanted.length)}</mark>);
    at = found + wanted.length;
  }
  if (!parts.length) return text;
  parts.push(text.slice(at));
  return parts;
}

interface ListProps<T> {
  items: readonly T[];
  height: number; // of a row
  most: number; // height of the list
  row: (item: T, index: number) => ComponentChild;
  label: string;
  at?: number; // index that is to be in view
  class?: string;
  role?: JSX.AriaRole;
}

/** A list that draws only the rows in view; rows are all of one height. */
export class VirtualList<T> extends Component<ListProps<T>, { top: number; room: number }> {
  override state = { top: 0, room: 0 };
  private box: HTMLElement | null = null;
  private shown = -1;

  override componentDidMount(): void {
    this.measure();
    this.toIndex();
  }

  override componentDidUpdate(): void {
    if (this.props.at !== this.shown) this.toIndex();
    if (this.box && this.box.clientHeight !== this.state.room) this.measure();
  }

  private measure(): void {
    if (this.box) this.setState({ room: this.box.clientHeight });
  }

  private toIndex(): void {
    this.shown = this.props.at ?? -1;
    if (this.shown < 0 || !this.box) return;
    const top = this.shown * this.props.height;
    if (top < this.box.scrollTop || top + this.props.height > this.box.scrollTop + this.box.clientHeight)
      this.box.scrollTop = top - this.box.clientHeight / 2 + this.props.height;
  }

  override render({ items, height, most, row, label, role }: ListProps<T>): JSX.Element {
    const room = this.state.room || most;
    const first = Math.max(Math.floor(this.state.top / height) - 4, 0);
    const last = Math.min(first + Math.ceil(room / height) + 8, items.length);
    return (
      <div
        class={`virtual ${this.props.class ?? ""}`}
        role={role ?? "list"}
        aria-label={label}
        style={{ maxHeight: `${most}px`, height: items.length * height > most ? `${most}px` : "auto" }}
        ref={(box) => { this.box = box; }}
        onScroll={(event) => this.setState({ top: event.currentTarget.scrollTop })}
      >
        <div class="spacer" style={{ height: `${items.length * height}px` }}>
          <div class="window" style={{ transform: `translateY(${first * height}px)` }}>
            {items.slice(first, last).map((item, at) => row(item, first + at))}
          </div>
        </div>
      </div>
    );
  }
}

export function Fold(props: { app: App; name: string; title: string; sub?: ComponentChild; right?: ComponentChild; children: ComponentChildren; class?: string }): JSX.Element {
  const { app, name } = props;
  const open = !app.folded.has(name);
  return (
    <section class={`pane ${props.class ?? ""}${open ? "" : " closed"}`} data-reveal={`pane-${name}`}>
      <div class="pane-head">
        <button type="button" class="icon" aria-expanded={open} aria-label={open ? "Close" : "Open"} onClick={() => app.toggle(app.folded, name)}>
          <Icon name={open ? "down" : "right"} />
        </button>
        <h3>{props.title}</h3>
        <span class="quiet">{props.sub}</span>
        <span class="right">{props.right}</span>
      </div>
      {open && <div class="pane-body" {...(app.layout === "middle" && { tabIndex: 0, role: "group", "aria-label": props.title })}>{props.children}</div>}
    </section>
  );
}

export function sized(characters: number): string {
  return bytes(characters);
}

/** The element's width and height, followed. */
export function useSize(): [(element: HTMLElement | null) => void, number, number] {
  const [size, setSize] = useState<[number, number]>([0, 0]);
  const element = useRef<HTMLElement | null>(null);
  useLayoutEffect(() => {
    const box = element.current;
    if (!box) return undefined;
    const measure = () => setSize([box.clientWidth, box.clientHeight]);
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    measure();
    return () => observer.disconnect();
  }, []);
  return [(box) => { element.current = box; }, size[0], size[1]];
}
