// File requests that come over the link: answered at once when they are short, else on a socket that this end dials.
import * as v from "valibot";
import { invalid, ToolError } from "../../shared/errors.ts";
import { TRANSFER } from "../../shared/protocol.ts";
import type { Serve } from "../../shared/served-calls.ts";
import { Transfer, TransferBroken } from "../../shared/streams.ts";
import { fileRequest } from "../../shared/tools/transfers.ts";
import type { Files } from "../transfers/files.ts";
import { dialTransfer } from "./transfer-socket.ts";

export interface FileRequestOptions {
  readonly files: () => Promise<Files>;
  /** Of the control link; transfers are dialled below it. */
  readonly url: URL;
  readonly token: string;
  readonly onBug: (error: unknown) => void;
  readonly idleMs?: number;
}

/** Beyond what the router opens by itself: one that asks for more is not honest. */
const TRANSFERS_MAX = 2 * TRANSFER.atOnce;
/** Answers up to this length travel on the control link. */
const SHORT_BYTES = 32 * 1024;

type Input = v.InferOutput<typeof fileRequest.input>;
type Output = v.InferInput<typeof fileRequest.output>;

export class FileRequests {
  readonly #options: FileRequestOptions;
  readonly #open = new Set<Transfer>();
  #dialling = 0;

  constructor(options: FileRequestOptions) {
    this.#options = options;
  }

  /** All calls but ours are served as before. */
  serving(serve: Serve): Serve {
    return (tool, input, context) =>
      tool === fileRequest.name ? this.#begin(input, context.signal) : serve(tool, input, context);
  }

  close(): void {
    for (const transfer of this.#open) transfer.abort("the agent is ending");
  }

  async #begin(raw: unknown, signal: AbortSignal): Promise<Output> {
    const parsed = v.safeParse(fileRequest.input, raw);
    if (!parsed.success) throw invalid(v.summarize(parsed.issues));
    const input = parsed.output;
    const files = await this.#options.files();
    const hasBody = input.method === "PUT" || input.method === "PATCH" || input.method === "POST";
    const bare = requestOf(input, hasBody ? { method: "HEAD" } : { signal });
    const refusal = input.check || hasBody ? files.refusal(bare) : undefined;
    if (refusal) return { answer: await shortAnswer(refusal) };
    if (input.check) return {};
    if (hasBody) {
      await this.#dial(input, (transfer) => {
        const leaving = new AbortController();
        void transfer.closed.then(() => leaving.abort());
        return files.handle(
          requestOf(input, { body: bodyOf(transfer), duplex: "half", signal: leaving.signal }),
        );
      });
      return {};
    }
    const response = await files.handle(bare);
    if (isShort(response)) return { answer: await shortAnswer(response) };
    try {
      await this.#dial(input, async () => response);
    } catch (error) {
      await response.body?.cancel();
      throw error;
    }
    return {};
  }

  /** Resolves when the socket is open; the exchange goes on by itself. @throws ToolError */
  async #dial(input: Input, answer: (transfer: Transfer) => Promise<Response>): Promise<void> {
    if (input.transfer === undefined) throw invalid("There is no id to dial with");
    if (this.#open.size + this.#dialling >= TRANSFERS_MAX) {
      throw new ToolError("overloaded", "Too many transfers at once; try again in a minute");
    }
    this.#dialling += 1;
    try {
      const transfer = await this.#opened(input.transfer, input.window);
      this.#open.add(transfer);
      void transfer.closed.then(() => this.#open.delete(transfer));
      void this.#exchange(transfer, answer);
    } finally {
      this.#dialling -= 1;
    }
  }

  async #opened(id: string, windowBytes: number | undefined): Promise<Transfer> {
    const { url, token, idleMs } = this.#options;
    const { socket, opened } = dialTransfer(`${url.href}/transfer/${id}`, token);
    const transfer = new Transfer(socket, { idleMs, windowBytes });
    await opened;
    return transfer;
  }

  async #exchange(transfer: Transfer, answer: (transfer: Transfer) => Promise<Response>): Promise<void> {
    try {
      transfer.keepWaiting();
      const response = await answer(transfer);
      transfer.sendHead({ status: response.status, headers: [...response.headers] });
      await send(response.body, transfer);
      transfer.end();
      // The router closes: what is under way must arrive before the line goes.
      await transfer.closed;
    } catch (error) {
      // A line that broke, or a client that left, is no bug; whoever asked hears it from the other end.
      if (!(error instanceof TransferBroken)) this.#options.onBug(error);
      transfer.abort("the file could not be read to its end");
    }
  }
}

/** What comes in, and nothing but that: who refuses the rest of it does so by an answer, which needs the line, too. */
function bodyOf(transfer: Transfer): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        const chunk = await transfer.read();
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

async function send(body: ReadableStream<Uint8Array> | null, transfer: Transfer): Promise<void> {
  const reader = body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      await transfer.write(value);
    }
  } catch (error) {
    await reader.cancel(error).catch(() => {}); // what it reads from may be what failed
    throw error;
  }
}

/** Where it came by is the router's business: only the path is looked at. */
function requestOf({ method, path, headers }: Input, init: RequestInit & { duplex?: "half" }): Request {
  return new Request(new URL(path, "http://agent"), { method, headers, ...init });
}

function isShort({ body, headers }: Response): boolean {
  const length = headers.get("content-length");
  // What we say ourselves is text, which JSON carries as it is; a file may be anything.
  const isOurs = /^(application\/json|text\/html)/.test(headers.get("content-type") ?? "");
  return (
    body === null ||
    (isOurs && !headers.has("content-disposition") && length !== null && Number(length) <= SHORT_BYTES)
  );
}

async function shortAnswer(response: Response): Promise<NonNullable<Output["answer"]>> {
  return { status: response.status, headers: [...response.headers], body: await response.text() };
}
