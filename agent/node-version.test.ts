import { expect, test } from "vitest";
import { tooOld } from "./node-version.ts";

test.each(["22.18.0", "22.20.1", "24.0.0", "26.10.0"])("Node %s runs us", (version) => {
  expect(tooOld(version)).toBeUndefined();
});

test.each(["14.21.3", "20.20.2", "22.17.9"])("Node %s is told in one sentence what to install", (version) => {
  const sentence = tooOld(version) ?? "";
  expect(sentence).toContain(version);
  expect(sentence).toContain("install Node 24");
  expect(sentence.split("\n")).toHaveLength(1);
});
