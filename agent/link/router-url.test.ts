import { expect, test } from "vitest";
import { isOpenToEavesdroppers, routerUrl } from "./router-url.ts";

test.each([
  ["https://router.example", "wss://router.example/agent"],
  ["https://router.example/", "wss://router.example/agent"],
  ["https://router.example/agent", "wss://router.example/agent"],
  ["wss://router.example:8443/agent/", "wss://router.example:8443/agent"],
  ["wss://example.com/gpu/agent", "wss://example.com/gpu/agent"],
  ["http://127.0.0.1:8080", "ws://127.0.0.1:8080/agent"],
  ["ws://[::1]:8080", "ws://[::1]:8080/agent"],
  ["router.example", undefined],
  ["router.example:8080", undefined],
  ["ftp://router.example", undefined],
  ["https://user:secret@router.example", undefined],
  ["https://router.example/agent?token=secret", undefined],
  ["", undefined],
])("--router %s dials %s", (text, url) => {
  expect(routerUrl(text)?.href).toBe(url);
});

test.each([
  ["ws://router.example/agent", true],
  ["ws://192.168.0.2:8080/agent", true],
  ["ws://127.evil.example/agent", true],
  ["ws://127.0.0.1:8080/agent", false],
  ["ws://localhost/agent", false],
  ["ws://[::1]/agent", false],
  ["wss://router.example/agent", false],
])("%s would show the token to eavesdroppers: %s", (url, open) => {
  expect(isOpenToEavesdroppers(new URL(url))).toBe(open);
});
