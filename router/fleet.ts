// All training machines as one back end: which of them a call is for, what is answered while it is away, and what the
// router answers itself.
import * as v from "valibot";
import { parseArguments } from "../shared/arguments.ts";
import type { Contract } from "../shared/contract.ts";
import { answersWithBlocks, type McpTool, mcpTool } from "../shared/describe.ts";
import { ToolError, toToolError } from "../shared/errors.ts";
import { Blocks } from "../shared/fields.ts";
import { presetList } from "../shared/preset-list.ts";
import { contractOf, TOOLS } from "../shared/tools/index.ts";
import { listMachines } from "../shared/tools/machines.ts";
import { downloadModel } from "../shared/tools/models.ts";
import { agentHealth, listModelPresets } from "../shared/tools/system.ts";
import { waitForTraining } from "../shared/tools/training.ts";
import { callAgent } from "./agent-call.ts";
import type { AgentHealth, Backend, CallOptions, ListedTool, ToolAnswer } from "./backend.ts";
import type { Changes } from "./changes.ts";
import { Chooser } from "./chooser.ts";
import { mergedHealth } from "./fleet-health.ts";
import { type Connected, Hub } from "./hub.ts";
import { JobWatch } from "./job-watch.ts";
import { ANSWER_CHARS_MAX, type LastAnswers } from "./last-answers.ts";
import { splitMachine, withMachineArgument } from "./machine-argument.ts";
import type { MachineIds } from "./machine-ids.ts";
import { listedMachine } from "./machine-list.ts";
import { MachineMetrics } from "./machine-metrics.ts";
import type { MachineRegistry } from "./machine-registry.ts";
import { asOf, machineOffline, noMachine, routerRestarting } from "./offline.ts";
import type { Family } from "./prometheus.ts";
import { together } from "./together.ts";

export interface FleetOptions {
  readonly machines: MachineRegistry;
  /** Absent where the only machine is this process itself. */
  readonly ids?: MachineIds | undefined;
  /** Absent where the only machine is this process itself. */
  readonly answers?: LastAnswers | undefined;
  /** Told of a store that fails (a full disk): calls go on without it. */
  readonly onError: (error: unknown) => void;
  /** Where machines and jobs that are not as they were are told. */
  readonly changes?: Changes | undefined;
  readonly onDetach?: (machine: string, reason: string) => void;
  readonly now?: () => Date;
}

const NAMES = new Set<string>(TOOLS.map((tool) => tool.name));
/** Answered here, never by an agent. */
const OWN = new Set<string>([listModelPresets.name, listMachines.name]);
/** What they say is only true while one waits for it, or too much to keep. */
const NOT_KEPT = new Set<string>([waitForTraining.name, downloadModel.name]);
const HEALTH_TIMEOUT_MS = 5_000;

const Output = v.record(v.string(), v.unknown());

export class Fleet implements Backend {
  readonly hub: Hub;
  readonly #options: FleetOptions;
  readonly #machines: MachineRegistry;
  readonly #chooser: Chooser;
  readonly #metrics: MachineMetrics;
  readonly #now: () => Date;
  /** Made with the first question: the conversion to JSON Schema takes a while, once. */
  #tools: readonly McpTool[] | undefined;
  #listed: { readonly names: string; readonly tools: readonly ListedTool[] } | undefined;
  readonly #jobs: JobWatch | undefined;
  readonly #health = together(async (name): Promise<AgentHealth> => {
    const answer = await this.#online(name).peer.call(agentHealth.name, {}, { timeoutMs: HEALTH_TIMEOUT_MS });
    return v.parse(agentHealth.output, answer);
  });
  readonly #scrape = together(() => this.#metrics.families(this.#machines.all(), this.hub));
  /** Those between which clients have to choose, as they were last told. */
  #choice: string;

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#machines = options.machines;
    this.#now = options.now ?? (() => new Date());
    this.#metrics = new MachineMetrics(() => this.#now().getTime());
    this.hub = new Hub({
      now: () => this.#now().getTime(),
      refusal: (name, { machine_id }, { tokenId }) => options.ids?.refusal(machine_id, name, tokenId),
      onAttach: (agent) => {
        this.#metrics.connected(agent.name);
        this.#note(() => this.#met(agent));
        this.#jobs?.attached(agent);
        this.#tellOfMachines();
      },
      onDetach: (agent, reason) => {
        options.onDetach?.(agent.name, reason);
        this.#jobs?.detached(agent);
        this.#note(() => this.#machines.seen(agent.name, true));
        this.#tellOfMachines();
      },
    });
    this.#jobs = options.changes && new JobWatch(options.changes, () => this.hub.all());
    this.#choice = this.machines().join();
    this.#chooser = new Chooser(this.hub, this.#machines, () => this.#names());
  }

  tools(): readonly ListedTool[] {
    this.#tools ??= TOOLS.map(mcpTool);
    const names = this.#names();
    if (names.length < 2) return this.#tools;
    const joined = names.join();
    if (this.#listed?.names !== joined) {
      const tools = this.#tools.map((tool) => (OWN.has(tool.name) ? tool : withMachineArgument(tool, names)));
      this.#listed = { names: joined, tools };
    }
    return this.#listed.tools;
  }

  hasTool(name: string): boolean {
    return NAMES.has(name);
  }

  call(tool: string, args: unknown, options: CallOptions): Promise<ToolAnswer> {
    return this.#run(tool, args, options, undefined);
  }

  /** Only the machine `name`, as if there were no other; undefined when it was never seen. */
  at(name: string): Backend | undefined {
    if (!this.#names().includes(name)) return undefined;
    return {
      tools: () => (this.#tools ??= TOOLS.map(mcpTool)),
      hasTool: (tool) => this.hasTool(tool),
      call: (tool, args, options) => this.#run(tool, args, options, name),
      health: () => this.#health(name),
    };
  }

  machines(): readonly string[] {
    const names = this.#names();
    return names.length < 2 ? [] : names;
  }

  async health(): Promise<AgentHealth> {
    const names = this.#names();
    const [first, ...others] = names;
    if (first === undefined) throw noMachine();
    if (others.length === 0) return this.#health(first);
    const parts = await Promise.all(
      names.map(async (name) => ({ name, health: await this.#health(name).catch(toToolError) })),
    );
    return mergedHealth(parts);
  }

  whyNotReady(): string | undefined {
    if (this.hub.isGoingAway) return routerRestarting().message;
    return this.hub.all().length > 0 ? undefined : "No training machine is connected";
  }

  metrics(): Promise<readonly Family[]> {
    return this.#scrape("");
  }

  /** To be called now and then where nothing sleeps: notes who is here, closes dead links, forgets old machines. */
  async sweep(): Promise<void> {
    await this.hub.sweep().catch(this.#options.onError);
    this.#note(() => {
      for (const { name } of this.hub.all()) this.#machines.seen(name, false);
      this.#machines.forget((name) => this.hub.get(name) !== undefined);
    });
    if (this.machines().join() !== this.#choice) this.#tellOfMachines();
  }

  /** Has jobs told of for as long as somebody listens. @returns what is to be called when they have gone */
  watchJobs(): () => void {
    return this.#jobs?.listen() ?? (() => {});
  }

  /** A machine has come or gone, and its things with it. */
  #tellOfMachines(): void {
    const { changes } = this.#options;
    const choice = this.machines().join();
    if (choice !== this.#choice) changes?.publish({ kind: "tools_list_changed" }); // the argument `machine`
    this.#choice = choice;
    changes?.publish({ kind: "resources_list_changed" });
  }

  #names(): string[] {
    const known = this.#machines.all().map(({ name }) => name);
    return known.length > 0 ? known : this.hub.all().map(({ name }) => name);
  }

  #met({ name, hello, credential: { tokenId } }: Connected): void {
    if (tokenId !== undefined) this.#options.ids?.note(tokenId, hello.machine_id);
    const before = this.#machines.met(name, hello, (other) => this.hub.get(other) !== undefined);
    if (before !== undefined) this.#options.answers?.rename(before, name);
  }

  /** Keeps notes that no call may fail for. */
  #note(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.onError(error);
    }
  }

  async #run(
    tool: string,
    args: unknown,
    options: CallOptions,
    pinned: string | undefined,
  ): Promise<ToolAnswer> {
    const contract = NAMES.has(tool) ? contractOf(tool) : undefined;
    if (!contract) throw new ToolError("not_found", `Tool '${tool}' not found`);
    const { machine, rest } = splitMachine(args);
    const { input } = parseArguments(contract, rest); // a bad call needs no agent to be refused
    const { key, callerId } = options;
    if (OWN.has(tool)) return { kind: "json", output: await this.#answerOwn(tool, input, callerId) };
    const name = await this.#chooser.choose(contract, input, { pinned, machine, key, callerId });
    options.onMachine?.(name);
    const answer = await this.#ask(name, contract, rest, input, options);
    // Who has but one machine need not hear its name.
    if (answer.kind === "content" || this.#names().length < 2) return answer;
    return { kind: "json", output: { ...answer.output, machine: name } };
  }

  async #answerOwn(
    tool: string,
    input: unknown,
    callerId: string | undefined,
  ): Promise<Record<string, unknown>> {
    if (tool === listModelPresets.name) return { ...presetList(v.parse(listModelPresets.input, input)) };
    const now = this.#now();
    const machines = this.#machines.all().map((machine) => listedMachine(machine, this.hub, now, callerId));
    return { machines: await Promise.all(machines) };
  }

  async #ask(
    name: string,
    contract: Contract,
    args: unknown,
    input: object,
    options: CallOptions,
  ): Promise<ToolAnswer> {
    const reads = contract.effect === "read";
    const kept = reads && !NOT_KEPT.has(contract.name);
    const { answers } = this.#options;
    let chars = 0;
    try {
      const output = await callAgent(this.hub, this.#online(name), contract.name, args, {
        signal: options.signal,
        onProgress: options.onProgress,
        request: options.request,
        callerId: options.callerId,
        // Two agents' drafts of one change never meet: whoever asks without a key means a change of its own.
        key: reads ? undefined : (options.key ?? crypto.randomUUID()),
        onAnswerChars: (count) => {
          chars = count;
        },
      });
      const answer = answerOf(contract, output);
      if (kept && chars <= ANSWER_CHARS_MAX)
        this.#note(() => answers?.put(name, contract.name, input, answer, options.callerId));
      if (answer.kind === "json") this.#note(() => this.#chooser.answered(contract, answer.output, name));
      return answer;
    } catch (thrown) {
      if (!(thrown instanceof ToolError) || thrown.code !== "agent_offline") throw thrown;
      const last = kept ? answers?.get(name, contract.name, input) : undefined;
      if (last) return asOf(last);
      throw this.#offline(name);
    }
  }

  /** @throws ToolError agent_offline */
  #online(name: string): Connected {
    const agent = this.hub.get(name);
    if (agent) return agent;
    throw this.#offline(name);
  }

  #offline(name: string): ToolError {
    if (this.hub.isGoingAway) return routerRestarting();
    const machine = this.#machines.get(name);
    return machine ? machineOffline(machine, this.#now()) : noMachine();
  }
}

/** @throws ToolError agent_error when it is nothing that the tool may answer */
function answerOf(contract: Contract, output: unknown): ToolAnswer {
  const parsed = answersWithBlocks(contract)
    ? v.safeParse(
        v.pipe(
          Blocks,
          v.transform(({ content }) => ({ kind: "content" as const, content })),
        ),
        output,
      )
    : v.safeParse(
        v.pipe(
          Output,
          v.transform((json) => ({ kind: "json" as const, output: json })),
        ),
        output,
      );
  if (parsed.success) return parsed.output;
  throw new ToolError(
    "agent_error",
    `The training machine answered ${contract.name} with something that is no answer`,
  );
}
