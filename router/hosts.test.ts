import { expect, test } from "vitest";
import { hostPolicy, refusal } from "./hosts.ts";

const policy = hostPolicy(["box.lan", ".workers.dev"], ["https://app.example"]);

test.each([
  ["127.0.0.1:8012", undefined],
  ["localhost:8012", undefined],
  ["[::1]:8012", undefined],
  ["BOX.lan", undefined],
  ["router.me.workers.dev", undefined],
  ["localhost:8012", "http://localhost:8012"],
  ["localhost:8012", "https://app.example"],
])("Host %s with Origin %s is let in", (host, origin) => {
  expect(refusal(policy, host, origin)).toBeUndefined();
});

test.each([
  ["evil.example", undefined, "Invalid Host"],
  [undefined, undefined, "Invalid Host"],
  ["127.0.0.1.evil.example:8012", undefined, "Invalid Host"],
  ["workers.dev", undefined, "Invalid Host"],
  ["evilworkers.dev", undefined, "Invalid Host"],
  ["a.workers.dev.evil.example", undefined, "Invalid Host"],
  ["localhost:8012", "https://evil.example", "Invalid Origin"],
  ["localhost:8012", "http://localhost:9000", "Invalid Origin"],
  ["localhost:8012", "null", "Invalid Origin"],
])("D14: Host %s with Origin %s is refused", (host, origin, reason) => {
  expect(refusal(policy, host, origin)).toContain(reason);
});
