/** What the service answers over HTTP, asked with the token of this page. */

import { SERVICE, pageToken } from "../wire/page-token";

/** Why there is no answer; `absent`: the vendor has none, and will have none soon. */
export class NoAnswer extends Error {
  readonly kind: "absent" | "refused" | "failed";
  readonly againMs: number | null;

  constructor(kind: NoAnswer["kind"], message: string, againMs: number | null = null) {
    super(message);
    this.kind = kind;
    this.againMs = againMs;
  }
}

/**
 * Ask the service for *path*; once more with a fresh token if the first is of no use any more.
 *
 * @returns rejected with `NoAnswer`, or with the `AbortError` of *signal*
 */
export async function answerOf(path: string, signal: AbortSignal): Promise<Response> {
  const ask = async (expired: boolean) => {
    const token = await pageToken(expired);
    return fetch(new URL(path, SERVICE), { signal, headers: token === null ? {} : { Authorization: `Bearer ${token}` } });
  };
  let answer: Response;
  try {
    answer = await ask(false);
    if (answer.status === 401) answer = await ask(true);
  } catch (error) {
    if (signal.aborted) throw error;
    throw new NoAnswer("failed", "The service cannot be reached");
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

/** For how long an answer need not be asked for again. */
export function freshMs(answer: Response): number {
  return 1000 * Number(/max-age=(\d+)/.exec(answer.headers.get("Cache-Control") ?? "")?.[1] ?? 0);
}

async function refusal(answer: Response): Promise<NoAnswer> {
  const { message } = await answer.json().catch(() => ({})) as { message?: string };
  const text = message ?? `The service answered ${answer.status}`;
  const again = Number(answer.headers.get("Retry-After"));
  const kind = answer.status === 404 ? "absent" : answer.status < 500 && answer.status !== 429 ? "refused" : "failed";
  return new NoAnswer(kind, text, again > 0 ? again * 1000 : null);
}
