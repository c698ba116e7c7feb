// All commands, as --help tells of them.

export interface CommandEntry {
  /** The words after the program's name. */
  readonly name: string;
  /** What follows them, in --help. */
  readonly usage?: string;
  readonly text: string;
}

export const COMMANDS: Readonly<Record<string, readonly CommandEntry[]>> = {
  Serve: [
    { name: "agent", text: "this GPU machine, for the LAN and for the router it has joined" },
    { name: "router", text: "a public URL for GPU machines that dial in" },
  ],
  "Set a GPU machine up": [
    {
      name: "setup-toolkit",
      text: "ai-toolkit with its virtual environment",
    },
    {
      name: "install",
      text: "the agent as a systemd service",
    },
    {
      name: "upgrade",
      text: "another version of it; trainings go on",
    },
    {
      name: "uninstall",
      text: "take it away; the data stays",
    },
    {
      name: "doctor",
      text: "what keeps it from training, and what mends that",
    },
    {
      name: "join",
      usage: "<router> --code CODE",
      text: "give it to a router",
    },
  ],
  "Let clients in": [
    {
      name: "connect",
      usage: "<client>",
      text: "a client's exact configuration, with a token made for it",
    },
    {
      name: "token",
      usage: "create | list | revoke",
      text: "tokens for clients, with scopes and an end",
    },
    {
      name: "router pair",
      text: "a one-time code for a GPU machine",
    },
    {
      name: "router audit",
      text: "what was changed through a router, and by whom",
    },
  ],
  "Try without a GPU": [{ name: "rehearse", usage: "<config>", text: "the rehearsal trainer by itself" }],
};

const COLUMN = 30;

/** For --help: the groups, a line for each command. */
export function commandLines(): string {
  const line = ({ name, usage, text }: CommandEntry) =>
    `  ${`${name}${usage === undefined ? "" : ` ${usage}`}`.padEnd(COLUMN)}${text}`;
  return Object.entries(COMMANDS)
    .map(([group, entries]) => `${group}:\n${entries.map(line).join("\n")}`)
    .join("\n\n");
}
