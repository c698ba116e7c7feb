// subscriptions/listen, as far as the SDK leaves it to us: jobs are watched for as long as somebody listens to them, and no
// caller takes all the room.

/** Streams of one caller. The SDK has room for 1,024 of all together. */
export const LISTENING_MAX = 128;

export class Listeners {
  readonly #streams = new Map<string, number>();

  /** One more stream of this caller. @returns what is to be called once when it is over; undefined: it has no room */
  enter(caller: string): (() => void) | undefined {
    const open = this.#streams.get(caller) ?? 0;
    if (open >= LISTENING_MAX) return undefined;
    this.#streams.set(caller, open + 1);
    return () => {
      const others = (this.#streams.get(caller) ?? 0) - 1;
      if (others > 0) this.#streams.set(caller, others);
      else this.#streams.delete(caller);
    };
  }
}

/** Of a single message; undefined for all else. */
export function methodOf(body: unknown): unknown {
  return typeof body === "object" && body !== null && "method" in body ? body.method : undefined;
}

/** A URI that stands for a job, or for a part of one. */
const JOB = /^job:/i;

/** @param body of a request that listens */
export function listensToJobs(body: unknown): boolean {
  const { params } = body as { readonly params?: { readonly notifications?: unknown } | null };
  const { resourceSubscriptions: uris } = (params?.notifications ?? {}) as {
    resourceSubscriptions?: unknown;
  };
  return Array.isArray(uris) && uris.some((uri) => typeof uri === "string" && JOB.test(uri));
}

/** The same answer; `over` is called once when it has been sent, has failed, or its reader has gone. */
export async function whenOver(answer: Promise<Response>, over: () => void): Promise<Response> {
  const response = await answer.catch((error: unknown) => {
    over();
    throw error;
  });
  if (!response.body) {
    over();
    return response;
  }
  const reader = response.body.getReader();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        over();
        controller.close();
      } catch (error) {
        over();
        throw error;
      }
    },
    cancel(reason) {
      over();
      return reader.cancel(reason);
    },
  });
  return new Response(body, response);
}
