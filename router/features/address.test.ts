import { expect, test } from "vitest";
import { type Address, formatAddress, parseAddress } from "./address.ts";

test.each<[string, Address]>([
  ["job://01J9Z", { kind: "job", name: "01J9Z", part: "" }],
  ["job://01J9Z/log", { kind: "job", name: "01J9Z", part: "log" }],
  ["job://01J9Z/samples/sheet", { kind: "job", name: "01J9Z", part: "samples/sheet" }],
  ["config://my%20lora%20%26%20more", { kind: "config", name: "my lora & more", part: "" }],
  ["dataset://cats/sub/a%3Fb.png", { kind: "dataset", name: "cats", part: "sub/a?b.png" }],
  ["dataset://K%C3%A4tzchen", { kind: "dataset", name: "Kätzchen", part: "" }],
  [
    "model://cats_000000500?machine=box-1",
    { kind: "model", name: "cats_000000500", part: "", machine: "box-1" },
  ],
])("%s", (uri, address) => {
  expect(parseAddress(uri)).toEqual(address);
  expect(formatAddress(address)).toBe(uri);
});

test.each<[string, Partial<Address>]>([
  ["config://my lora", { name: "my lora" }],
  ["CONFIG://cats", { kind: "config", name: "cats" }],
  ["config://cats/", { name: "cats", part: "" }],
  ["dataset://cats/sub%2Fa.png", { part: "sub/a.png" }],
])("%s, as clients write it by themselves, is understood", (uri, address) => {
  expect(parseAddress(uri)).toMatchObject(address);
});

test.each([
  "",
  "cats",
  "config:cats",
  "config://",
  "config:///etc/passwd",
  "file:///etc/passwd",
  "https://example.com/config",
  "config://100%",
  "config://cats?machine=",
  "config://cats?other=1",
  "config://cats#top",
])("%j is no address of ours", (uri) => {
  expect(parseAddress(uri)).toBeUndefined();
});
