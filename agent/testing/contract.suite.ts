// What callers of the older server rely on, over HTTP. Whatever serves our routes has to pass: one process, a router with
// an agent elsewhere, a Worker. A chapter that cannot hold somewhere is skipped with its reason in the report.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { captions } from "./contract/captions.suite.ts";
import type { Chapter } from "./contract/chapter.ts";
import { configs } from "./contract/configs.suite.ts";
import { datasetCheck } from "./contract/dataset-check.suite.ts";
import { datasets } from "./contract/datasets.suite.ts";
import { doors } from "./contract/doors.suite.ts";
import { history } from "./contract/history.suite.ts";
import { hostile, hugeBodies } from "./contract/hostile.suite.ts";
import { jsonRpc } from "./contract/json-rpc.suite.ts";
import { lists } from "./contract/lists.suite.ts";
import { mcpResults } from "./contract/mcp-results.suite.ts";
import { largeModels, models } from "./contract/models.suite.ts";
import { paths } from "./contract/paths.suite.ts";
import { queue } from "./contract/queue.suite.ts";
import { reading } from "./contract/reading.suite.ts";
import { routes } from "./contract/routes.suite.ts";
import { system } from "./contract/system.suite.ts";
import { type Server, type Subject, subjectOf } from "./subject.ts";

const CHAPTERS = {
  routes,
  configs,
  datasets,
  captions,
  "checking data sets": datasetCheck,
  models,
  "large models": largeModels,
  system,
  queue,
  history,
  lists,
  paths,
  "JSON-RPC": jsonRpc,
  "MCP results": mcpResults,
  reading,
  doors,
  "hostile input": hostile,
  "huge bodies": hugeBodies,
};

export interface ContractOptions {
  /** Chapters that cannot hold here, each with the reason. */
  readonly skip?: Partial<Readonly<Record<keyof typeof CHAPTERS | "restart", string>>>;
}

export function contractSuite(
  name: string,
  open: () => Promise<Server>,
  { skip = {} }: ContractOptions = {},
): void {
  describe(`the contract, ${name}`, () => {
    vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });
    let server: Server | undefined;
    beforeAll(async () => {
      server = await open();
    });
    afterAll(() => server?.close());
    const subject = (): Subject => {
      if (!server) throw new Error("The server is not there: it did not start");
      return subjectOf(server, { bothEras: true });
    };

    const chapter = (title: keyof typeof CHAPTERS | "restart", define: Chapter) => {
      const reason = skip[title];
      describe.skipIf(reason !== undefined)(reason === undefined ? title : `${title} (${reason})`, () =>
        define(subject),
      );
    };
    for (const [title, define] of Object.entries(CHAPTERS)) chapter(title as keyof typeof CHAPTERS, define);

    chapter("restart", () => {
      test("D19: another process lists the same tools in the same order, byte for byte", async () => {
        const other = await open();
        try {
          const { send } = subjectOf(other);
          for (const path of ["/mcp/tools", "/mcp/capabilities"]) {
            expect((await send(path)).text).toBe((await subject().send(path)).text);
          }
          const list = { body: { jsonrpc: "2.0", id: 1, method: "tools/list" } };
          expect((await send("/mcp", list)).text).toBe((await subject().send("/mcp", list)).text);
        } finally {
          await other.close();
        }
      });
    });
  });
}
