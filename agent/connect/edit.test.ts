import { parse as parseJsonc } from "jsonc-parser";
import { parse as parseToml } from "smol-toml";
import { expect, test } from "vitest";
import type { Setting } from "./clients.ts";
import { withSetting } from "./edit.ts";

const json = (value: Setting["value"] = { url: "http://x/mcp" }): Setting => ({
  format: "json",
  path: ["mcpServers", "aitoolkit"],
  value,
});
const toml = (value: Setting["value"] = { url: "http://x/mcp" }): Setting => ({
  format: "toml",
  path: ["mcp_servers", "aitoolkit"],
  value,
});

test("JSON: an empty file gets it; comments, tabs and other servers stay; a second time changes nothing", () => {
  expect(JSON.parse(withSetting("", json(), "f"))).toEqual({
    mcpServers: { aitoolkit: { url: "http://x/mcp" } },
  });
  const text =
    '{\n\t// mine\n\t"mcpServers": {\n\t\t"other": { "command": "x", },\n\t},\n\t"theme": "dark"\n}\n';
  const once = withSetting(text, json(), "f");
  expect(once).toContain("\t// mine\n");
  expect(once).toContain('\n\t\t"aitoolkit": {\n\t\t\t"url"');
  expect(parseJsonc(once)).toEqual({
    mcpServers: { other: { command: "x" }, aitoolkit: { url: "http://x/mcp" } },
    theme: "dark",
  });
  expect(withSetting(once, json(), "f")).toBe(once);
  expect(parseJsonc(withSetting(once, json({ url: "http://y" }), "f")).mcpServers.aitoolkit).toEqual({
    url: "http://y",
  });
});

test("JSON: a list of things with ids keeps the others", () => {
  const input: Setting = { format: "json", path: ["inputs"], value: { id: "t", type: "promptString" } };
  const once = withSetting('{"inputs": [{"id": "other"}]}', input, "f");
  expect(parseJsonc(once)).toEqual({ inputs: [{ id: "other" }, { id: "t", type: "promptString" }] });
  expect(parseJsonc(withSetting(once, input, "f"))).toEqual(parseJsonc(once));
  expect(parseJsonc(withSetting("", input, "f"))).toEqual({ inputs: [{ id: "t", type: "promptString" }] });
});

test("TOML: comments and other tables stay, our own is replaced, a second time changes nothing", () => {
  const text = '# mine\nmodel = "gpt"  # best\n\n[mcp_servers.other]\ncommand = "x"\n';
  const once = withSetting(text, toml({ url: "http://x", http_headers: { Authorization: "Bearer a" } }), "f");
  expect(once.startsWith(text)).toBe(true);
  const after = withSetting(`${once}\n[profiles.fast]\nmodel = "mini"\n`, toml({ url: "http://y" }), "f");
  expect(after).toContain("# best");
  expect(parseToml(after)).toEqual({
    model: "gpt",
    mcp_servers: { other: { command: "x" }, aitoolkit: { url: "http://y" } },
    profiles: { fast: { model: "mini" } },
  });
  expect(withSetting(after, toml({ url: "http://y" }), "f")).toBe(after);
  expect(withSetting("", toml(), "f")).toBe('[mcp_servers.aitoolkit]\nurl = "http://x/mcp"\n');
});

test.each([
  ["{", json(), "f is no JSON (line 1"],
  ["[]", json(), "f has something else at mcpServers.aitoolkit"],
  ['{"mcpServers": 1}', json(), "f has something else at mcpServers.aitoolkit"],
  ["a = ", toml(), "f is no TOML"],
  ["mcp_servers = 1", toml(), "f has something else at mcp_servers.aitoolkit"],
  ["mcp_servers = { other = { command = 'x' } }", toml(), "add this by hand"],
])("%j is refused", (text, setting, sentence) => {
  expect(() => withSetting(text, setting, "f")).toThrow(sentence);
});
