// The rows of a folder with what open notebooks know better: a run that is paused looks like one that goes on in its file.
import type { Row } from './server';
import type { Told } from './payload';

export function withLive(rows: Row[], live: Told[]): Row[] {
  const states = new Map(live.map(told => [told.id, told]));
  const known = rows.map(row => {
    const told = states.get(row.run);
    states.delete(row.run);
    return told && row.status === 'running' ? { ...row, status: told.status } : row;
  });
  const others = [...states.values()]
    .filter(told => told.path)
    .map(told => ({
      run: told.id,
      path: told.path ?? '',
      status: told.status,
      question: told.question,
      answer: '',
      model: told.model,
      started: told.started ? new Date(told.started).toISOString() : '',
      steps: told.steps,
      calls: told.calls,
      tokens: told.tokens,
      cost: told.cost || null,
      seconds: null,
      parent: null
    }));
  return [...others, ...known];
}
