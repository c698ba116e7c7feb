// The service's environment file (systemd.exec(5), EnvironmentFile=). People edit it, so what they wrote stays.
import { UsageError } from "../usage-error.ts";

export type Settings = Readonly<Record<string, string>>;

const LINE = /^\s*([A-Za-z_]\w*)\s*=(.*)$/;

function unquoted(text: string): string {
  const value = text.trim();
  const [, double] = /^"((?:[^"\\]|\\.)*)"$/.exec(value) ?? [];
  if (double !== undefined) return double.replaceAll(/\\(["\\$`])/g, "$1");
  return /^'([^']*)'$/.exec(value)?.[1] ?? value;
}

function quoted(name: string, value: string): string {
  if (/[\n\r]/.test(value)) throw new UsageError(`${name} must not hold a line break`);
  return /^[\w./:@,=+-]*$/.test(value) ? value : `"${value.replaceAll(/(["\\$`])/g, "\\$1")}"`;
}

/** The last of several lines for a name counts, as for systemd. */
export function settingsIn(text: string): Settings {
  const found: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const [, name, value] = LINE.exec(line) ?? [];
    if (name !== undefined && value !== undefined) found[name] = unquoted(value);
  }
  return found;
}

/** Sets values where their names stand, or at the end; undefined leaves a name as it is. */
export function withSettings(text: string, set: Readonly<Record<string, string | undefined>>): string {
  const lines = text.replace(/\n$/, "").split("\n");
  for (const [name, value] of Object.entries(set)) {
    if (value === undefined) continue;
    const line = `${name}=${quoted(name, value)}`;
    const at = lines.findLastIndex((each) => LINE.exec(each)?.[1] === name);
    if (at < 0) lines.push(line);
    else if (unquoted(LINE.exec(lines[at] ?? "")?.[2] ?? "") !== value) lines[at] = line;
  }
  return `${lines.join("\n")}\n`;
}

export const NEW_SETTINGS = `# Options of the service; mcp-ai-toolkit --help names all of them. After a change:
#   sudo systemctl restart mcp-ai-toolkit
# Folders outside the data folder are opened to it by installing again: sudo mcp-ai-toolkit install

# For gated base models, from https://huggingface.co/settings/tokens
#HF_TOKEN=hf_...

`;
