// What the suite is expected to say. It runs more than a revision requires: extensions, and checks that are still being
// worked on; those are held to as well where we pass them.
import type { Revision } from "./suite.ts";

export interface Expectations {
  /** Scenarios that fail, each with the reason. One that passes after all is a mistake here. */
  readonly fails: Readonly<Record<string, string>>;
  /** The only ones that count; without it all do. */
  readonly only?: ReadonlySet<string>;
}

export const FIXTURE: Readonly<Record<Revision, Expectations>> = {
  "2025-11-25": { fails: {} },
  "2026-07-28": {
    fails: {
      "http-custom-header-server-validation":
        "no tool of ours has an argument that is repeated in a header; not required",
    },
  },
};

/** The others call tools and prompts by name that only a fixture has. */
export const OUR_TOOLS: Readonly<Record<Revision, Expectations>> = {
  "2025-11-25": {
    fails: {},
    only: new Set([
      "server-initialize",
      "ping",
      "tools-list",
      "resources-list",
      "prompts-list",
      "completion-complete",
      "server-sse-multiple-streams",
      "server-sse-polling",
      "server-session-lifecycle",
      "dns-rebinding-protection",
    ]),
  },
  "2026-07-28": {
    fails: {},
    only: new Set([
      "server-stateless",
      "tools-list",
      "resources-list",
      "prompts-list",
      "completion-complete",
      "caching",
      "sep-2164-resource-not-found",
      "server-sse-multiple-streams",
      "dns-rebinding-protection",
      "http-header-validation",
      "input-required-result-unsupported-methods",
      "input-required-result-validate-input",
    ]),
  },
};
