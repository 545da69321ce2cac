// What passes between a view and its host. Everything of a run is hostile: fields are read through `text`, `figure` and `list`.

export interface RunNode {
  id: string;
  kind: string;
  parent: string | null;
  order: number;
  [field: string]: unknown;
}

export interface Snapshot { kind: "snapshot"; seq: number; nodes: RunNode[] }
export interface Delta { kind: "delta"; seq: number; nodes: Partial<RunNode>[] }
export interface StateMessage {
  kind: "state";
  status?: string;
  stamp?: unknown;
  gate?: Gate | null;
  breakpoints?: (string | { condition?: string; hits?: number })[];
  can?: Record<string, string | null>;
}
export interface Gate {
  kind: string;
  step?: number | null;
  block?: number | null;
  line?: number | null;
  pending?: Record<string, unknown>;
  forecast?: Record<string, unknown> | null;
}
export interface Reply {
  kind: "reply";
  fetch?: [string, string];
  text?: string;
  find?: string;
  hits?: [string, string, number][];
  refused?: string;
  done?: string;
  command?: { command?: string };
  made?: string; // a run that was made, by a fork
  pong?: number;
  dashboard?: string | null;
}
/** The host has changed; its other fields are those of `Host`. */
export interface HostMessage { kind: "host"; [name: string]: unknown }
export interface Lost { kind: "lost"; text: string | null }
export type Message = Snapshot | Delta | StateMessage | Reply | Lost | HostMessage;

export type Outgoing = Record<string, unknown>;
export interface Host {
  send(message: Outgoing): void;
  state?(): StateMessage | null;
  theme?: string | null;
  readOnly?: boolean;
  compact?: boolean;
  dashboard?: string | boolean | null; // the link's address; true where the host makes one when asked
  height?: string | null;
  load?(name: string): Promise<unknown>; // a module that is not in the view's own file, where that has no address beside it
  opens?: boolean; // whether the host shows another run when it is told {open: run}
  foot?: boolean; // false where the host has a timeline of its own in its place
  quiet?: string | null; // said in place of controls that cannot work here
}
export interface Handle {
  update(message: Message): void;
  select(id: string): void;
  /** Shows a node while something points at it; null shows again what was chosen. */
  peek(id: string | null): void;
  theme(name: string | null): void;
  destroy(): void;
}

export function text(node: RunNode | undefined | null, field: string): string {
  const value = node?.[field];
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

export function figure(node: RunNode | undefined | null, field: string): number | null {
  const value = node?.[field];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

export function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
