// Requests for files of machines that dial in: the head goes over the control link, the bytes over a socket of their own,
// and nothing of either is kept here.
import * as v from "valibot";
import { ERRORS, errorBody, ToolError, toToolError } from "../shared/errors.ts";
import { askedLink, type LinkToken, machineTag } from "../shared/file-links.ts";
import { free, oneUse } from "../shared/one-use.ts";
import { type CallOptions, LinkLost } from "../shared/open-calls.ts";
import { carriesFiles, commonVersion, TRANSFER } from "../shared/protocol.ts";
import type { Transfer } from "../shared/streams.ts";
import { fileRequest } from "../shared/tools/transfers.ts";
import { chunks } from "./body-chunks.ts";
import type { Connected, Hub } from "./hub.ts";
import type { LinkMakers } from "./link-makers.ts";
import type { Transfers } from "./transfers.ts";

/** The same on both sides of the link: a web handler that answers a request for `/files/…`. */
export type FileHandler = (request: Request) => Promise<Response>;

/** What of a request is about the file. Credentials and cookies are not passed on. */
const REQUEST_HEADERS: ReadonlySet<string> = new Set([
  "accept",
  ...["range", "if-range", "if-match", "if-none-match"],
  ...["content-type", "content-length", "content-range", "repr-digest"],
  ...["upload-offset", "upload-length", "upload-metadata", "upload-checksum", "upload-defer-length"],
  "tus-resumable",
]);
/** What of an answer is about the file: a machine sets no cookies for the router's host. */
const RESPONSE_HEADERS: ReadonlySet<string> = new Set([
  ...["content-type", "content-length", "content-range", "content-disposition", "accept-ranges"],
  ...["etag", "last-modified", "repr-digest", "x-content-sha256", "location", "allow", "retry-after"],
  ...["upload-offset", "upload-length", "upload-defer-length", "upload-expires"],
  ...["tus-resumable", "tus-version", "tus-extension", "tus-max-size", "tus-checksum-algorithm"],
]);
const HEADER_CHARS_MAX = 8_000;

const BODYLESS = new Set(["GET", "HEAD", "DELETE"]);
/** Of these an answer has no body, and a Response takes none. */
const BODYLESS_STATUS: ReadonlySet<number> = new Set([204, 205, 304]);
/** Their answers have no bytes to speak of, and come over the control link. */
const SHORT = new Set(["HEAD", "DELETE"]);
const Method = fileRequest.input.entries.method;

export interface ForwardOptions {
  readonly hub: Hub;
  readonly transfers: Transfers;
  readonly linkMakers: Pick<LinkMakers, "makerOf">;
}

export function forwardFiles(options: ForwardOptions): FileHandler {
  return async (request) => {
    try {
      return await forward(options, request);
    } catch (thrown) {
      const error = thrown instanceof LinkLost ? offline() : toToolError(thrown);
      return Response.json({ success: false, ...errorBody(error) }, { status: ERRORS[error.code].http });
    }
  };
}

const offline = () =>
  new ToolError("agent_offline", "The machine that this link is for is not connected", {
    hint: "Try again when it is back: the link stays good, and what was under way goes on where it stopped",
  });

const tooOld = () =>
  new ToolError("agent_error", "The agent of this machine is too old to send or take files", {
    hint: "Update mcp-ai-toolkit on the training machine",
  });

async function forward({ hub, transfers, linkMakers }: ForwardOptions, request: Request): Promise<Response> {
  const path = new URL(request.url).pathname;
  const link = askedLink(path);
  const agent = holderOf(link, hub);
  const version = commonVersion(agent.hello.versions) ?? 0;
  if (!carriesFiles(version)) throw tooOld();
  const isShort = SHORT.has(request.method);
  // Whoever uses a link takes of its maker's share; one that was made elsewhere has a share of its own.
  const callerId = linkMakers.makerOf(path) ?? link.id;
  const options = { signal: request.signal, timeoutMs: TRANSFER.dialMs, callerId };
  if (!isShort && transfers.isFull(agent.name, callerId)) {
    // Nobody waits for a place, or takes one from others, with a link that does not work.
    const refusal = await ask(agent, { ...inputOf(request, path), check: true }, options);
    if (refusal) return short(refusal, request);
  }
  const giveBack = isShort ? () => {} : await transfers.turn(agent.name, callerId, request.signal);
  const expected = transfers.expect(agent.name, version);
  let isStreaming = false;
  try {
    const input = { ...inputOf(request, path), transfer: expected.id, window: expected.window };
    const answer = await ask(agent, input, options);
    if (answer) return short(answer, request);
    const transfer = await expected.opened(request.signal);
    isStreaming = true;
    void transfer.closed.then(giveBack);
    return await exchange(transfer, request);
  } finally {
    expected[Symbol.dispose]();
    if (!isStreaming) giveBack();
  }
}

/** The machine that a link is of: before one that came by the token that all share goes the one whose credential has the id. */
function holderOf({ machine }: LinkToken, hub: Hub): Connected {
  const all = hub.all().filter(({ hello }) => machineTag(hello.machine_id) === machine);
  const paired = all.filter(({ credential }) => credential.tokenId !== undefined);
  const [agent, twin] = paired.length > 0 ? paired : all;
  if (!agent) throw offline();
  if (!twin) return agent;
  throw new ToolError(
    "conflict",
    "Two machines are connected that say they are the same, so this link leads nowhere",
    {
      hint: "On the one whose disk is a copy, delete the file machine-id in the agent's state folder and restart the agent",
    },
  );
}

type Input = v.InferInput<typeof fileRequest.input>;
type Answer = NonNullable<v.InferOutput<typeof fileRequest.output>["answer"]>;

function inputOf(request: Request, path: string): Input {
  const headers = [...picked([...request.headers], REQUEST_HEADERS)];
  return { method: v.parse(Method, request.method), path, headers };
}

async function ask(agent: Connected, input: Input, options: CallOptions): Promise<Answer | undefined> {
  const output = await agent.peer.call(fileRequest.name, input, options);
  const parsed = v.safeParse(fileRequest.output, output);
  if (parsed.success) return parsed.output.answer;
  throw new ToolError("agent_error", "The training machine answered with something that is no answer");
}

function short({ status, headers, body }: Answer, { method }: Request): Response {
  return new Response(method === "HEAD" || body === "" ? null : body, {
    status,
    headers: picked(headers, RESPONSE_HEADERS),
  });
}

function picked(headers: readonly (readonly [string, string])[], names: ReadonlySet<string>): Headers {
  const kept = new Headers();
  for (const [name, value] of headers) {
    if (names.has(name.toLowerCase()) && value.length <= HEADER_CHARS_MAX) kept.set(name, value);
  }
  return kept;
}

/** The request's body goes up while the answer is awaited; an answer before its end ends the upload. */
async function exchange(transfer: Transfer, request: Request): Promise<Response> {
  const leave = () => transfer.abort("the client has left");
  request.signal.addEventListener("abort", leave, { once: true });
  void transfer.closed.then(() => request.signal.removeEventListener("abort", leave));
  if (request.signal.aborted) leave();
  const body = BODYLESS.has(request.method) ? null : request.body;
  const pumping = body ? pump(body, transfer) : transfer.end();
  void Promise.resolve(pumping).catch(() => {}); // the answer's own end says what became of it
  const { status, headers } = await transfer.head.catch((cause: unknown) => {
    throw new ToolError("agent_error", "The line to the training machine broke before it answered", {
      hint: "Ask again: what has arrived is kept",
      cause,
    });
  });
  const kept = picked(headers, RESPONSE_HEADERS);
  if (BODYLESS_STATUS.has(status)) {
    transfer.close();
    return new Response(null, { status, headers: kept });
  }
  return new Response(answerBody(transfer, kept), { status, headers: kept });
}

async function pump(body: ReadableStream<Uint8Array>, transfer: Transfer): Promise<void> {
  const next = chunks(body);
  try {
    for (;;) {
      const chunk = await next.read();
      if (!chunk) break;
      await transfer.write(oneUse(chunk));
    }
    transfer.end();
  } catch (error) {
    transfer.abort("the client's upload was cut off");
    await next.cancel().catch(() => {}); // it has failed already
    throw error;
  }
}

type FixedLength = new (
  bytes: number,
) => {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
};

/** On Workers a plain stream would lose its length, and then an error would look like its end. */
function answerBody(transfer: Transfer, headers: Headers): ReadableStream<Uint8Array> {
  const length = headers.get("content-length");
  const bytes = length === null ? undefined : Number(length);
  const next = promised(transfer, bytes);
  const { FixedLengthStream } = globalThis as { FixedLengthStream?: FixedLength };
  if (!FixedLengthStream || bytes === undefined) return streamOf(next, transfer);
  const { readable, writable } = new FixedLengthStream(bytes);
  const writer = writable.getWriter();
  pour(next, writer).catch((error: unknown) => {
    transfer.abort("the client has left");
    void writer.abort(error).catch(() => {}); // it may be what failed
  });
  return readable;
}

/** Undefined at the end. */
type Next = () => Promise<Uint8Array | undefined>;

/** The incoming bytes, as many as were promised; with their end, the exchange is over. */
function promised(transfer: Transfer, promisedBytes = Number.NaN): Next {
  let leftBytes = promisedBytes;
  return async () => {
    const chunk = await transfer.read();
    leftBytes -= chunk?.length ?? 0;
    if (leftBytes < 0 || (!chunk && leftBytes > 0)) {
      transfer.abort("another length than was promised");
      throw new Error("the machine sent another length than it had promised");
    }
    if (!chunk) transfer.close();
    return chunk;
  };
}

function streamOf(next: Next, transfer: Transfer): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const value = await next();
        if (value) controller.enqueue(value);
        else controller.close();
      },
      cancel: () => transfer.abort("the client has left"),
    },
    { highWaterMark: 0 },
  );
}

/** What is written has left: its memory is given back, which `pipeTo` would leave to the garbage collector. */
async function pour(next: Next, writer: WritableStreamDefaultWriter<Uint8Array>): Promise<void> {
  for (let chunk = await next(); chunk; chunk = await next()) {
    try {
      await writer.write(chunk);
    } finally {
      free(chunk);
    }
  }
  await writer.close();
}
