// Why a run cannot be told.
import { trans } from './translation';

/** The server cannot tell the run; `absent` where it has no part of rlm_lab at all. */
export class Unreadable extends Error {
  constructor(
    message: string,
    readonly absent = false
  ) {
    super(message);
  }
}

/** Our own part refuses with a reason in JSON; a server without it answers with a page, or with JSON of Jupyter's. */
export function refusal(told: unknown): Unreadable {
  const reason = typeof told === 'object' && told !== null ? (told as { reason?: unknown }).reason : null;
  return typeof reason === 'string' && reason !== 'Not Found'
    ? new Unreadable(reason)
    : new Unreadable(
        trans.__('Runs cannot be read: this Jupyter server has no rlm_lab. Install it where Jupyter runs, then restart Jupyter.'),
        true
      );
}
