// What a real driver printed (580.159.04 on one H200, November 2026), word for word: idle, with somebody's program, and
// while ai-toolkit trained.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { APPS_QUERY, parseAppLine } from "../../gpus/compute-apps.ts";
import { GPU_QUERY } from "../../gpus/query.ts";
import { isUnknownField, parseGpuLine, QUERIES, splitGpuLine, throttlingOf } from "./nvidia-smi.ts";

const UUID = "GPU-2026f024-622f-c675-5dd4-f3f02aa12513";

interface Recorded {
  readonly command: string;
  readonly lines: readonly string[];
}

const recorded: readonly Recorded[] = readFileSync(
  new URL("fixtures/nvidia-smi-580-h200.txt", import.meta.url),
  "utf8",
)
  .split(/^### .*\n/m)
  .slice(1)
  .map((section) => {
    const [command = "", ...lines] = section.trimEnd().split("\n");
    return { command, lines: lines.filter((line) => line !== "" && !line.startsWith("[rc ")) };
  });

/** All that was printed for a query, over all times that it was asked. */
const linesOf = (query: string) =>
  recorded.filter(({ command }) => command.includes(`${query} --format=`)).flatMap(({ lines }) => lines);

test.each(QUERIES.slice(0, 2))(
  "the resident query tells all there is, by either name of its last field: %s",
  (query) => {
    const gpus = linesOf(`--query-gpu=${query}`).map((line) => parseGpuLine(line, true));
    expect(gpus.length).toBeGreaterThan(2);
    for (const gpu of gpus) {
      expect(gpu).toMatchObject({
        index: 0,
        uuid: UUID,
        name: "NVIDIA H200",
        memory_total_mib: 143_771,
        memory_used_mib: 0,
        utilization_percent: 0,
        temperature_c: 30,
        power_limit_w: 700,
        reasons: 1,
      });
      expect(throttlingOf(gpu?.reasons ?? -1)).toEqual([]); // an idle GPU is not slowed down
    }
  },
);

test("a field that the driver does not know is known by what it says", () => {
  expect(linesOf("no.such.field").map(isUnknownField)).toEqual([true]);
});

test("what is asked before a start has its columns; the driver keeps some memory for itself", () => {
  const [gpu] = linesOf(`--query-gpu=${GPU_QUERY}`).map((line) => splitGpuLine(line, 3));
  expect(gpu).toEqual({ index: 0, uuid: UUID, name: "NVIDIA H200", figures: ["143771", "0", "143156"] });
});

test("programs have their memory and the name of their file", () => {
  expect(linesOf(`--query-compute-apps=${APPS_QUERY}`).map(parseAppLine)).toEqual([
    { gpuUuid: UUID, pid: 593, name: "python3", usedMib: 2_658 },
    { gpuUuid: UUID, pid: 632, name: "python3", usedMib: 726 },
  ]);
});
