// What open notebooks and the files of runs know better of each other's: a run that is paused looks like one that goes on in its file,
// and an output that was saved in the midst of a run does not know how it ended.
import type { Row } from './server';
import { isOver, type Told } from './payload';

/** What an output was saved with, with the end that the run's file tells by now. */
export function withFile(told: Told, row: Row | undefined): Told {
  if (isOver(told) || !row || !isOver(row)) {
    return told;
  }
  const { status, steps, calls, tokens, cost } = row;
  return {
    ...told,
    status,
    steps: steps ?? told.steps,
    calls: calls ?? told.calls,
    tokens: tokens ?? told.tokens,
    cost: cost ?? told.cost
  };
}

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
