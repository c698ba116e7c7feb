import { expect, test } from "vitest";
import { Bar, formatBar, formatInterval } from "./bar.ts";

const look = { n: 0, total: 12, elapsedS: 0, rate: undefined, description: "run", postfix: "" };

// Lines of the recorded runs.
test.each([
  [look, "run:   0%|          | 0/12 [00:00<?, ?it/s]"],
  [
    { ...look, elapsedS: 1, rate: 0, postfix: "lr: 1.0e-04 loss: 1.269e+00" },
    "run:   0%|          | 0/12 [00:01<?, ?it/s, lr: 1.0e-04 loss: 1.269e+00]",
  ],
  [{ ...look, n: 1, elapsedS: 1.84, rate: 1 / 1.84 }, "run:   8%|▊         | 1/12 [00:01<00:20,  1.84s/it]"],
  [{ ...look, n: 5, elapsedS: 8, rate: 1 / 2.17 }, "run:  42%|████▏     | 5/12 [00:08<00:15,  2.17s/it]"],
  [{ ...look, n: 11, elapsedS: 18, rate: 2.37 }, "run:  92%|█████████▏| 11/12 [00:18<00:00,  2.37it/s]"],
  [
    { ...look, n: 33, total: 40, elapsedS: 9, rate: 2.72 },
    "run:  82%|████████▎ | 33/40 [00:09<00:02,  2.72it/s]",
  ],
  [
    { ...look, n: 35, total: 40, elapsedS: 9, rate: 9.35 },
    "run:  88%|████████▊ | 35/40 [00:09<00:00,  9.35it/s]",
  ],
  [
    { ...look, n: 36, total: 36, rate: 19510.91, description: "Loading weights" },
    "Loading weights: 100%|██████████| 36/36 [00:00<00:00, 19510.91it/s]",
  ],
  [{ ...look, n: 1, total: 4, rate: 1.75, description: "" }, " 25%|██▌       | 1/4 [00:00<00:01,  1.75it/s]"],
  [{ ...look, total: 0, description: "" }, "0it [00:00, ?it/s]"],
])("%o is drawn as tqdm draws it", (bar, line) => {
  expect(formatBar(bar)).toBe(line);
});

test.each([
  [59.9, "00:59"],
  [767, "12:47"],
  [3600, "1:00:00"],
  [90_061, "1 day, 1:01:01"],
  [200_000, "2 days, 7:33:20"],
])("%d seconds are %s", (seconds, text) => {
  expect(formatInterval(seconds)).toBe(text);
});

test("a nested bar is drawn one line down, and wiped when it does not stay", () => {
  let written = "";
  let now = 0;
  const bar = new Bar({
    total: 2,
    nested: true,
    leave: false,
    write: (text) => (written += text),
    now: () => now,
  });
  now = 1;
  bar.update(1);
  bar.close();
  const half = " 50%|█████     | 1/2 [00:01<00:01,  1.00it/s]";
  expect(written).toBe(
    `\n\r  0%|          | 0/2 [00:00<?, ?it/s]\x1b[A\n\r${half}\x1b[A\n\r${" ".repeat(half.length)}\x1b[A`,
  );
});

test("counts that come too soon are not drawn, and pauses do not count as time", () => {
  let written = "";
  let now = 0;
  const bar = new Bar({ total: 4, description: "run", write: (text) => (written += text), now: () => now });
  now = 0.05;
  bar.update(1);
  now = 1;
  bar.update(2);
  bar.pause();
  now = 500;
  bar.resume();
  bar.setPostfix("x");
  expect(written.split("\r").slice(1)).toEqual([
    "run:   0%|          | 0/4 [00:00<?, ?it/s]",
    "run:  50%|█████     | 2/4 [00:01<00:01,  2.00it/s]",
    "run:  50%|█████     | 2/4 [00:01<00:01,  2.00it/s, x]",
  ]);
});
