import { expect, test } from "vitest";
import { exposition, Histogram } from "./prometheus.ts";

test("a family is its help, its type and its samples, and whatever is in a label stays in it", () => {
  const text = exposition([
    {
      name: "calls_total",
      help: "How many\nand a \\.",
      type: "counter",
      samples: [{ value: 1 }, { labels: { tool: 'a "b"\n\\c', outcome: "ok" }, value: 2.5 }],
    },
    { name: "nothing", help: "", type: "gauge", samples: [] },
  ]);
  expect(text).toBe(
    [
      "# HELP calls_total How many\\nand a \\\\.",
      "# TYPE calls_total counter",
      "calls_total 1",
      'calls_total{tool="a \\"b\\"\\n\\\\c",outcome="ok"} 2.5',
      "",
    ].join("\n"),
  );
});

test("a histogram's buckets hold all that was not longer, and the last holds all", () => {
  const histogram = new Histogram([0.1, 1]);
  for (const seconds of [0.05, 0.1, 0.5, 7]) histogram.observe(seconds);
  const type = "histogram";
  expect(exposition([{ name: "s", help: "h", type, samples: histogram.samples({ tool: "t" }) }])).toBe(
    [
      "# HELP s h",
      "# TYPE s histogram",
      's_bucket{tool="t",le="0.1"} 2',
      's_bucket{tool="t",le="1"} 3',
      's_bucket{tool="t",le="+Inf"} 4',
      's_sum{tool="t"} 7.65',
      's_count{tool="t"} 4',
      "",
    ].join("\n"),
  );
});
