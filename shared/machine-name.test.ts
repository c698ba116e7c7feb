import { expect, test } from "vitest";
import { checkMachineName, isMachineName, machineNameFrom } from "./machine-name.ts";

test.each([
  ["box222", "box222"],
  ["Box_1.lan", "box-1"],
  ["GPU-Server.example.org", "gpu-server"],
  ["-odd-", "odd"],
  [`${"x".repeat(31)}-yz`, "x".repeat(31)],
  ["", "box"],
  ["…", "box"],
  ["auto", "box"],
])("the host %j becomes the machine %j", (host, name) => {
  expect(machineNameFrom(host)).toBe(name);
  expect(isMachineName(name)).toBe(true);
});

test.each(["auto", "Box", "a.b", "a/b", "x".repeat(33), "-a", "a-"])("%j is no name", (name) => {
  expect(() => checkMachineName(name)).toThrow("small letters, digits and hyphens");
});
