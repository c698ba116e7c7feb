// Looking at the queue and changing it.
import type { Handlers } from "../../../shared/contract.ts";
import { invalid, ToolError } from "../../../shared/errors.ts";
import type { queueTools } from "../../../shared/tools/queue.ts";
import { chooseGpu } from "../../gpus/choice.ts";
import type { Runs } from "../adoption/runs.ts";
import { GPUS_WAIT_MS } from "../training/start.ts";
import type { Supervisor } from "../training/supervisor.ts";
import { lookAtQueue, type QueueParts } from "./queue-view.ts";

export interface QueueHandlerParts extends QueueParts {
  readonly supervisor: Supervisor;
  readonly runs: Runs;
}

/** A GPU's free memory may be this old in an answer. */
const SHOWN_AGE_MS = 5_000;

function notWaiting({ store }: QueueParts, id: string): ToolError {
  return new ToolError("conflict", `The job is ${store.get(id)?.status}, it does not wait any more`, {
    hint: "get_queue shows those that wait",
  });
}

export const queueHandlers = (parts: QueueHandlerParts): Handlers<typeof queueTools> => {
  const { store, gpus, supervisor, runs } = parts;

  return {
    async get_queue() {
      await gpus.within(SHOWN_AGE_MS, GPUS_WAIT_MS);
      return lookAtQueue(parts);
    },

    async update_queue({ job_id, action, position, gpu }) {
      await runs.ownOrThrow(job_id);
      const isMove = action === "move";
      if (!isMove && (position !== undefined || gpu !== undefined)) {
        throw invalid(`position and gpu belong to the action move, not to ${action}`);
      }
      if (isMove && position === undefined && gpu === undefined) {
        throw invalid("move needs a position, a gpu, or both");
      }
      const snapshot = await gpus.within(SHOWN_AGE_MS, GPUS_WAIT_MS);
      const uuid = gpu === undefined ? undefined : chooseGpu(gpu, snapshot);
      const changed =
        (isMove || store.queue.setHeld(job_id, action === "hold")) &&
        (uuid === undefined || store.queue.setWish(job_id, uuid)) &&
        (position === undefined || store.queue.move(job_id, position));
      if (!changed) throw notWaiting(parts, job_id);
      await supervisor.look(); // it may start right now
      return { job_id, status: "success", ...(await lookAtQueue(parts)) };
    },
  };
};
