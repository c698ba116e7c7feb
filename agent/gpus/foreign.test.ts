import { expect, test } from "vitest";
import { foreignUse } from "./foreign.ts";
import type { ComputeApp, GpuState } from "./gpu.ts";

const app = (more: Partial<ComputeApp>): ComputeApp => ({
  pid: 4711,
  name: "python",
  usedMib: 20_582,
  session: 4000,
  ...more,
});
const gpu = (more: Partial<GpuState>): GpuState => ({
  index: 0,
  uuid: "GPU-a",
  name: "NVIDIA GeForce RTX 4090",
  totalMib: 24_564,
  usedMib: 18,
  freeMib: 24_546,
  apps: [],
  ...more,
});
const nobody = new Set<number>();

test("somebody's program is named, with what it holds", () => {
  expect(foreignUse(gpu({ apps: [app({})] }), nobody)).toBe(
    "GPU 0 (RTX 4090) is used by python (pid 4711, 20.1 GiB), not started by this server",
  );
});

test("somebody's training is called by its name", () => {
  const training = "the ai-toolkit web UI's job 'cats'";
  expect(foreignUse(gpu({ apps: [app({ training })] }), nobody)).toBe(
    "GPU 0 (RTX 4090) is used by the ai-toolkit web UI's job 'cats' (pid 4711, 20.1 GiB), not started by this server",
  );
});

test("of several the largest is named", () => {
  const apps = [
    app({ pid: 1, usedMib: 2_000 }),
    app({ pid: 2, usedMib: 9_000 }),
    app({ pid: 3, usedMib: 100 }),
  ];
  expect(foreignUse(gpu({ apps }), nobody)).toContain("python (pid 2, 8.8 GiB) and 1 more");
});

test("our own runs are nobody else's", () => {
  expect(foreignUse(gpu({ usedMib: 20_600, apps: [app({})] }), new Set([4000]))).toBeUndefined();
});

test.each([
  ["an idle GPU", {}],
  ["a desktop's share", { usedMib: 1_900 }],
  ["a browser that decodes video", { usedMib: 1_400, apps: [app({ name: "firefox", usedMib: 600 })] }],
  ["an idle notebook", { usedMib: 450, apps: [app({ usedMib: 420 })] }],
  ["Windows' desktop seen from WSL", { usedMib: 2_300, apps: [app({ name: "Xwayland", usedMib: null })] }],
  ["a card that does not tell its memory", { totalMib: null, usedMib: null, freeMib: null }],
  [
    "one that tells neither memory nor who",
    { totalMib: null, usedMib: null, apps: [app({ name: null, usedMib: null, session: null })] },
  ],
])("%s is free", (_, state) => {
  expect(foreignUse(gpu(state), nobody)).toBeUndefined();
});

test("a program whose memory nobody knows counts when the card is rather full", () => {
  const apps = [app({ name: null, usedMib: null, session: null })];
  expect(foreignUse(gpu({ usedMib: 12_288, apps }), nobody)).toBe(
    "GPU 0 (RTX 4090) is used by a program (pid 4711), not started by this server: 12.0 GiB of 24.0 GiB are taken",
  );
});

test("a card filled by programs that are not listed is not free: another container's, a game", () => {
  expect(foreignUse(gpu({ usedMib: 20_480 }), nobody)).toBe(
    "GPU 0 (RTX 4090) has 20.0 GiB of 24.0 GiB taken by programs that cannot be seen from here",
  );
});

test("on a small card a desktop may take more than a quarter", () => {
  expect(foreignUse(gpu({ totalMib: 8_188, usedMib: 2_800 }), nobody)).toBeUndefined();
});
