// completion/complete: values for what a person is typing.
import type { Server } from "@modelcontextprotocol/server";
import { protocolError } from "./failure.ts";
import type { Features } from "./features.ts";

/** The protocol's limit. */
const VALUES_MAX = 100;

export function serveCompletions(
  server: Server,
  complete: NonNullable<Features["complete"]>,
  onError?: (error: unknown) => void,
): void {
  server.setRequestHandler("completion/complete", async ({ params }, context) => {
    const { ref, argument } = params;
    try {
      const values = await complete(
        {
          of: ref.type === "ref/prompt" ? { prompt: ref.name } : { template: ref.uri },
          argument: argument.name,
          value: argument.value,
          known: params.context?.arguments ?? {},
        },
        context,
      );
      return {
        completion: {
          values: values.slice(0, VALUES_MAX),
          total: values.length,
          hasMore: values.length > VALUES_MAX,
        },
      };
    } catch (thrown) {
      throw protocolError(thrown, onError);
    }
  });
}
