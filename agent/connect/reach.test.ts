import { expect, test } from "vitest";
import { isPublic } from "./reach.ts";

test.each([
  ["https://train.example.org/mcp", true],
  ["https://203.0.113.9/mcp", true],
  ["http://train.example.org/mcp", false],
  ["https://192.168.0.222:8012/mcp", false],
  ["https://100.101.102.103/mcp", false],
  ["https://[fd00::1]/mcp", false],
  ["https://[2001:4860::1]/mcp", true],
  ["https://box222/mcp", false],
  ["https://box222.local/mcp", false],
  ["https://localhost/mcp", false],
])("a vendor's cloud can call %s: %s", (url, reachable) => {
  expect(isPublic(new URL(url))).toBe(reachable);
});
