// subscriptions/listen, as far as the SDK leaves it to us: jobs are watched for as long as somebody listens to them.

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
