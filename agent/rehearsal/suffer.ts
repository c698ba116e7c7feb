import { crash, type FaultKind } from "./faults.ts";
import type { Stage } from "./stage.ts";

const DEFAULT_FLOOD_MB = 64;

/** The faults that strike in between two steps; of others it knows nothing. */
export async function suffer(kind: FaultKind, stage: Stage, stepMs: number): Promise<void> {
  const { streams, interrupt, env } = stage;
  switch (kind) {
    case "hang":
      for (;;) await interrupt.pause(Number.MAX_SAFE_INTEGER);
    case "dies":
      process.kill(process.pid, "SIGKILL");
      break;
    case "silent":
      process.exit(1);
      break;
    case "crash":
      throw crash();
    case "floods":
      await flood(Number(env.REHEARSAL_FLOOD_MB ?? DEFAULT_FLOOD_MB), stage);
      break;
    case "invalid-utf8":
      streams.out(Buffer.from([0x0a, 0xff, 0xfe, 0xc3, 0x28, 0x0a, 0xe2, 0x96]));
      await interrupt.pause(stepMs);
      streams.out(Buffer.from([0x88, 0x0a])); // the rest of █
      break;
  }
}

async function flood(megabytes: number, { streams, interrupt }: Stage): Promise<void> {
  const block = Buffer.from(`${"WARNING: this line is one of very many".padEnd(127, ".")}\n`.repeat(512));
  for (let written = 0; written < megabytes * 1024 * 1024; written += block.length) {
    streams.out(block);
    await interrupt.pause(0);
  }
}
