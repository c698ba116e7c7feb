// The process in which data sets are checked: beside the agent, so that hundreds of thousands of files hold up no other
// call, and a picture that ends an image library ends nothing else. It is started for the first check, and ends by itself.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import * as v from "valibot";
import type { CallContext } from "../../../../shared/contract.ts";
import { ToolError } from "../../../../shared/errors.ts";
import { LinkLost } from "../../../../shared/open-calls.ts";
import { Peer } from "../../../../shared/peer.ts";
import { checkDataset } from "../../../../shared/tools/dataset-check.ts";
import { inTurn } from "../../../current-call.ts";
import { Slots } from "../../../files/slots.ts";
import { ipcLink } from "../../../ipc-link.ts";
import { CHECK_COMMAND, entryPoint } from "../../../program.ts";
import type { CheckPaths, Input, Output } from "./dataset-check.ts";

/** It has its own; most wait for a disk. */
const POOL_THREADS = 16;

interface Running {
  readonly child: ChildProcess;
  readonly peer: Peer;
}

export class CheckProcess implements AsyncDisposable {
  readonly #paths: CheckPaths;
  /** Calls that wait for it at a time: it holds the names of all files that it is at. */
  readonly #slots = new Slots(4);
  #running: Running | undefined;

  constructor({ datasets, datasetRoots, state }: CheckPaths) {
    this.#paths = { datasets, datasetRoots, state };
  }

  check(input: Input, context: Pick<CallContext, "signal" | "progress">): Promise<Output> {
    return inTurn(this.#slots, () => this.#check(input, context));
  }

  async #check(
    input: Input,
    { signal, progress }: Pick<CallContext, "signal" | "progress">,
  ): Promise<Output> {
    const ask = () => this.#started().peer.call(checkDataset.name, input, { signal, onProgress: progress });
    try {
      // One that had nothing to do may have ended in this moment.
      return v.parse(checkDataset.output, await ask().catch((error: unknown) => orAgain(error, ask)));
    } catch (error) {
      if (!(error instanceof LinkLost)) throw error;
      throw new ToolError("agent_error", "The check ended in the middle", {
        hint: "Call check_dataset again: what it had found out is kept. If it ends again, one of the files ends it",
        cause: error,
      });
    }
  }

  /** Of the process, while there is one. */
  get pid(): number | undefined {
    return this.#running?.child.connected ? this.#running.child.pid : undefined;
  }

  #started(): Running {
    if (this.#running?.child.connected) return this.#running;
    const child = fork(entryPoint(), [CHECK_COMMAND, JSON.stringify(this.#paths)], {
      execArgv: [],
      env: { ...process.env, UV_THREADPOOL_SIZE: String(POOL_THREADS) },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const peer = new Peer(ipcLink(child));
    child.on("error", () => peer.close()); // it could not be started
    // Whoever waits for an answer has other reasons to stay.
    child.unref();
    child.channel?.unref();
    this.#running = { child, peer };
    return this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#running?.child;
    if (!child || child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const ended = once(child, "exit");
    child.ref();
    child.kill("SIGKILL"); // what it has found out is kept as it finds it out
    await ended;
  }
}

function orAgain(error: unknown, ask: () => Promise<unknown>): Promise<unknown> {
  if (error instanceof LinkLost) return ask();
  throw error;
}
