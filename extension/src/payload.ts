// What the output of a run says of it, as `rlm_lab/views/payload.py` writes it. Hostile: each field is looked at before it is used.

export const MIME = 'application/vnd.rlm-lab.run+json';
const OVER = new Set(['done', 'failed', 'stopped', 'out_of_budget', 'interrupted']);

export interface Told {
  id: string;
  path: string | null;
  status: string;
  question: string;
  model: string;
  started: number; // ms
  at: number; // ms: when it was told, 0 where it does not say
  steps: number;
  calls: number;
  tokens: number;
  cost: number;
}

export function toldBy(payload: unknown): Told | null {
  const whole = fields(payload);
  const summary = fields(whole['summary']);
  const usage = fields(summary['usage']);
  if (typeof whole['id'] !== 'string' || typeof summary['status'] !== 'string') {
    return null;
  }
  return {
    id: whole['id'],
    path: typeof whole['path'] === 'string' ? whole['path'] : null,
    status: summary['status'],
    question: text(summary['question']),
    model: text(summary['model']),
    started: Date.parse(String(summary['started'])) || 0,
    at: Date.parse(String(whole['told'])) || 0,
    steps: figure(summary['steps']),
    calls: figure(usage['calls']),
    tokens: figure(usage['tokens']),
    cost: figure(usage['cost'])
  };
}

export function isOver(told: Pick<Told, 'status'>): boolean {
  return OVER.has(told.status);
}

/** Where the file may lie, seen from the notebook's folder: where it was, or beside the notebook, should both have moved. */
export function places(path: string): string[] {
  const name = path.split(/[\\/]/).pop() ?? '';
  return [...new Set([path, `.rlm/runs/${name}`, name])].filter(one => one.length > 0);
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function figure(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
