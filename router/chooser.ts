// Which machine a call is for: the one it names, the only one, the one that has the job, or the freest.
import * as v from "valibot";
import type { Contract } from "../shared/contract.ts";
import { invalid, ToolError, toToolError } from "../shared/errors.ts";
import { AUTO } from "../shared/machine-name.ts";
import { getConfig } from "../shared/tools/configs.ts";
import { getTrainingStatus, startTraining } from "../shared/tools/training.ts";
import type { Connected, Hub } from "./hub.ts";
import { machineFigures } from "./machine-list.ts";
import type { MachineRegistry } from "./machine-registry.ts";
import { noMachine } from "./offline.ts";
import { freest } from "./placement.ts";

export interface Wish {
  /** Named by the path. */
  readonly pinned: string | undefined;
  /** Named by the argument. */
  readonly machine: string | undefined;
  /** A start that is asked for again with its key has to find its machine again. */
  readonly key: string | undefined;
  /** Whose questions to the machines they are. */
  readonly callerId: string | undefined;
}

/** What every machine answers in no time. */
const ASK_TIMEOUT_MS = 5_000;

const StartInput = v.object({ config_name: v.string(), resume: v.boolean() });
const JobInput = v.object({ job_id: v.string() });

export class Chooser {
  readonly #hub: Hub;
  readonly #machines: MachineRegistry;
  readonly #names: () => readonly string[];
  /** One placement after the other: two at once would both see the same idle machine. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(hub: Hub, machines: MachineRegistry, names: () => readonly string[]) {
    this.#hub = hub;
    this.#machines = machines;
    this.#names = names;
  }

  /**
   * @param input the checked arguments
   * @throws ToolError invalid_input, not_found, agent_offline
   */
  async choose(contract: Contract, input: object, wish: Wish): Promise<string> {
    const names = this.#names();
    const wanted = wish.pinned ?? wish.machine;
    if (wish.pinned !== undefined && wish.machine !== undefined && wish.machine !== wish.pinned) {
      throw invalid(`This address reaches ${wish.pinned} only, not ${wish.machine.slice(0, 50)}`);
    }
    if (wanted === AUTO && contract.name === startTraining.name) return this.#place(input, wish);
    if (wanted !== undefined) {
      if (names.includes(wanted)) return wanted;
      throw invalid(
        `There is no machine '${wanted.slice(0, 50)}'; there are: ${names.join(", ") || "none yet"}`,
      );
    }
    const [only, ...others] = names;
    if (only === undefined) throw noMachine();
    if (others.length === 0) return only;
    const job = v.safeParse(JobInput, input);
    if (job.success) return this.#machineOfJob(job.output.job_id, wish);
    throw invalid(
      `There are ${names.length} machines (${names.join(", ")}): say which with 'machine'`,
      contract.name === startTraining.name
        ? `machine: "${AUTO}" takes the freest`
        : "list_machines tells about them",
    );
  }

  /** Remembers what an answer says about where things are. */
  answered(contract: Contract, output: Readonly<Record<string, unknown>>, machine: string): void {
    const jobId = output["job_id"];
    if (contract.name !== startTraining.name || typeof jobId !== "string") return;
    const job = `job:${jobId}`;
    // Ids are random: a machine that has started one which another has does not tell the truth.
    if (this.#machines.placeOf(job) === undefined) this.#machines.put(job, machine);
  }

  async #machineOfJob(jobId: string, wish: Wish): Promise<string> {
    const known = this.#machines.placeOf(`job:${jobId}`);
    if (known !== undefined) return known;
    const found = await this.#whoSays(getTrainingStatus.name, { job_id: jobId }, wish);
    const [machine] = found;
    const away = this.#names().filter((name) => !this.#hub.get(name));
    if (found.length > 1) {
      const claimants = found.map(({ name }) => name).join(", ");
      throw invalid(`Several machines say they have this job (${claimants}): say which with 'machine'`);
    }
    if (machine === undefined) {
      throw new ToolError("not_found", "Job not found", {
        hint:
          away.length > 0
            ? `No machine that is online has it; offline: ${away.join(", ")}`
            : "list_training_jobs shows the jobs of one machine",
      });
    }
    // Whoever is away may have it in truth.
    if (away.length === 0) this.#machines.put(`job:${jobId}`, machine.name);
    return machine.name;
  }

  /** The machines that answer this without an error. @throws ToolError overloaded when none did, and one was not asked */
  async #whoSays(
    tool: string,
    input: object,
    { callerId }: Wish,
    among = this.#hub.all(),
  ): Promise<Connected[]> {
    const options = { timeoutMs: ASK_TIMEOUT_MS, callerId };
    let overloaded: ToolError | undefined;
    const asked = await Promise.all(
      among.map((agent) =>
        agent.peer.call(tool, input, options).then(
          () => agent,
          (thrown) => {
            const error = toToolError(thrown);
            if (error.code === "overloaded") overloaded = error;
          },
        ),
      ),
    );
    const found = asked.filter((agent) => agent !== undefined);
    if (found.length === 0 && overloaded) throw overloaded;
    return found;
  }

  #place(input: object, wish: Wish): Promise<string> {
    const { key } = wish;
    const placed = this.#turn.then(async () => {
      const before = key === undefined ? undefined : this.#machines.placeOf(`key:${key}`);
      const name = before ?? (await this.#placeNow(v.parse(StartInput, input), wish));
      if (key !== undefined && before === undefined) this.#machines.put(`key:${key}`, name);
      return name;
    });
    this.#turn = placed.catch(() => {}); // its own caller hears of it
    return placed;
  }

  async #placeNow({ config_name, resume }: v.InferOutput<typeof StartInput>, wish: Wish): Promise<string> {
    const online = this.#hub.all();
    if (online.length === 0) throw noMachine();
    const able = await this.#whoSays(getConfig.name, { name: config_name }, wish, online);
    if (able.length === 0) {
      throw new ToolError("not_found", `No machine that is online has the config '${config_name}'`, {
        hint: `Create it there first: create_training_config with machine: one of ${online.map(({ name }) => name).join(", ")}`,
      });
    }
    if (resume && able.length > 1) {
      throw invalid(
        "To resume, say on which machine the run began",
        `One of: ${able.map(({ name }) => name).join(", ")}`,
      );
    }
    const figures = await Promise.all(able.map((agent) => machineFigures(agent, wish.callerId)));
    const best = freest(
      able.map(({ name }, index) => {
        const { jobs, gpus } = figures[index] ?? { jobs: null, gpus: null };
        const free = (gpus ?? []).map(({ memory_free_mib }) => memory_free_mib).filter((mib) => mib !== null);
        return {
          name,
          jobs: jobs ? jobs.running + jobs.queued : Number.POSITIVE_INFINITY,
          freeVramMib: free.length > 0 ? Math.max(...free) : null,
        };
      }),
    );
    if (!best) throw noMachine();
    return best.name;
  }
}
