// mcp.md §5.4, §5.8: what MCP clients read, complete and pick from a menu. All of it comes through the tools.
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { Json } from "../caller.ts";
import { putRun } from "../subject.ts";
import type { Chapter } from "./chapter.ts";

const INVALID_PARAMS = -32602;
const NAME = "reading & more";
const ENCODED = "reading%20%26%20more";

export const reading: Chapter = (subject) => {
  const rpc = async (method: string, params: object = {}) => {
    const { result, error } = await subject().rpc(method, params);
    expect(error, method).toBeUndefined();
    return result as Json;
  };
  const read = async (uri: string) => (await rpc("resources/read", { uri }))["contents"] as Json[];
  const readJson = async (uri: string) => JSON.parse(String((await read(uri)).at(-1)?.["text"])) as Json;

  /** A run with samples, finished. */
  let id: string;
  beforeAll(async () => {
    await putRun(subject().paths, NAME, {
      train: { steps: 12, disable_sampling: false },
      sample: { sample_every: 6, prompts: ["a cat", "a dog"] },
    });
    id = String((await subject().call("start_training", { config_name: NAME }))["job_id"]);
    const status = () => subject().call("get_training_status", { job_id: id });
    await vi.waitFor(async () => expect(await status()).toMatchObject({ status: "completed" }), {
      timeout: 25_000,
      interval: 50,
    });
  });

  describe("resources", () => {
    test("every kind has its template, with a title and what it gives", async () => {
      const templates = (await rpc("resources/templates/list"))["resourceTemplates"] as Json[];
      expect(templates.map(({ uriTemplate }) => uriTemplate)).toEqual([
        "job://{id}",
        "job://{id}/log",
        "job://{id}/metrics",
        "job://{id}/samples/{name}",
        "config://{name}",
        "dataset://{name}",
        "dataset://{name}/{file}",
        "model://{name}",
      ]);
      for (const template of templates)
        expect(template).toMatchObject({ title: expect.any(String), description: expect.any(String) });
    });

    test("whatever is listed can be read under its address", async () => {
      const resources: { uri: string; mimeType: string }[] = [];
      for (let cursor: unknown; ; ) {
        const page = await rpc("resources/list", cursor === undefined ? {} : { cursor });
        resources.push(...(page["resources"] as typeof resources));
        cursor = page["nextCursor"];
        if (cursor === undefined) break;
      }
      const uris = resources.map(({ uri }) => uri);
      expect(uris).toEqual(
        expect.arrayContaining([
          `job://${id}`,
          `config://${ENCODED}`,
          `dataset://${ENCODED}`,
          `model://${ENCODED}`,
        ]),
      );
      const own = resources.filter(({ uri }) => uri.includes(ENCODED) || uri.includes(id));
      for (const { uri, mimeType } of own) expect(await read(uri)).toMatchObject([{ uri, mimeType }]);
    });

    test("a job: its status, log, curves and samples", async () => {
      expect(await readJson(`job://${id}`)).toMatchObject({ job_id: id, status: "completed", config: NAME });
      const [log] = await read(`job://${id}/log`);
      expect(log).toMatchObject({ mimeType: "text/plain", text: expect.stringContaining("REHEARSAL") });
      expect(await readJson(`job://${id}/metrics`)).toMatchObject({ job_id: id, series: expect.any(Array) });
      for (const name of ["sheet", "step-6", "step-6-prompt-1"]) {
        const contents = await read(`job://${id}/samples/${name}`);
        expect(contents, name).toMatchObject([
          { mimeType: "image/jpeg", blob: expect.any(String) },
          { mimeType: "application/json" },
        ]);
      }
      expect(await readJson(`job://${id}/samples/step-6-prompt-1`)).toMatchObject({
        rows: ["step 6"],
        columns: [{ prompt: 1, text: "a dog" }],
      });
    });

    test("a config is its YAML, a data set its figures, its file a picture, a model what is known of it", async () => {
      const [config] = await read(`config://${ENCODED}`);
      expect(config).toMatchObject({ mimeType: "application/yaml", text: expect.stringContaining(NAME) });
      expect(await readJson(`dataset://${ENCODED}`)).toMatchObject({ name: NAME, image_count: 4 });
      expect(await read(`dataset://${ENCODED}/img1.jpg`)).toMatchObject([
        { mimeType: "image/jpeg", blob: expect.any(String) },
        { mimeType: "application/json", text: expect.stringContaining("img1.jpg") },
      ]);
      expect(await readJson(`model://${ENCODED}`)).toMatchObject({ name: NAME, size: expect.any(Number) });
    });

    test.each([
      "nonsense",
      "file:///etc/passwd",
      "config://gone",
      "config://..%2F..%2Fetc%2Fpasswd",
      "dataset://gone",
      "dataset://gone/a.png",
      "dataset://reading%20%26%20more/gone.png",
      "dataset://reading%20%26%20more/..%2F..%2Fsecret.png",
      "model://gone",
      "job://gone",
      "job://gone/log",
      "job://gone/nothing",
      "job://gone/samples/sheet",
    ])("%s is an error that says so, and nothing is read", async (uri) => {
      const { error } = await subject().rpc("resources/read", { uri });
      expect(error?.code).toBe(INVALID_PARAMS);
    });

    test("an address under which nothing is comes back with the error", async () => {
      const { error } = await subject().rpc("resources/read", { uri: "config://gone" });
      expect(error).toMatchObject({ code: INVALID_PARAMS, data: { uri: "config://gone" } });
    });

    test.each(["x", "-1", "99999999999"])("the cursor %j is refused", async (cursor) => {
      expect((await subject().rpc("resources/list", { cursor })).error?.code).toBe(INVALID_PARAMS);
    });
  });

  describe("completions", () => {
    const complete = async (ref: object, name: string, value: string, known?: object) => {
      const context = known && { context: { arguments: known } };
      const { completion } = await rpc("completion/complete", { ref, argument: { name, value }, ...context });
      return completion as { values: string[]; total: number; hasMore: boolean };
    };
    const template = (uri: string) => ({ type: "ref/resource", uri });
    const prompt = (name: string) => ({ type: "ref/prompt", name });

    test.each([
      ["config://{name}", "name"],
      ["dataset://{name}", "name"],
      ["dataset://{name}/{file}", "name"],
      ["model://{name}", "name"],
    ])("%s: names that begin with what was typed, or have it somewhere", async (uri, argument) => {
      expect((await complete(template(uri), argument, "READING")).values).toContain(NAME);
      expect((await complete(template(uri), argument, "& mo")).values).toContain(NAME);
      expect(await complete(template(uri), argument, "no such thing")).toEqual({
        values: [],
        total: 0,
        hasMore: false,
      });
    });

    test("jobs, samples and files", async () => {
      expect((await complete(template("job://{id}/log"), "id", id.slice(0, 6))).values).toContain(id);
      const samples = template("job://{id}/samples/{name}");
      const { values } = await complete(samples, "name", "", { id });
      expect(values.slice(0, 2)).toEqual(["sheet", "step-12"]);
      expect(values).toContain("step-6-prompt-1");
      expect((await complete(samples, "name", "")).values).toEqual([]);
      const files = template("dataset://{name}/{file}");
      expect((await complete(files, "file", "img2", { name: NAME })).values).toEqual(["img2.png"]);
    });

    test("arguments of prompts, presets among them", async () => {
      expect((await complete(prompt("plan_lora"), "dataset", "rea")).values).toContain(NAME);
      expect((await complete(prompt("diagnose_run"), "job_id", id)).values).toEqual([id]);
      expect((await complete(prompt("plan_lora"), "preset", "flux")).values.length).toBeGreaterThan(1);
      expect((await complete(prompt("plan_lora"), "goal", "a")).values).toEqual([]);
      expect((await complete(prompt("no_such"), "anything", "a")).values).toEqual([]);
    });
  });

  describe("prompts", () => {
    const get = (name: string, args?: object) =>
      rpc("prompts/get", { name, ...(args && { arguments: args }) });
    const textOf = ({ messages }: Json) => JSON.stringify(messages);

    test("are listed with their arguments", async () => {
      const prompts = (await rpc("prompts/list"))["prompts"] as Json[];
      expect(prompts.map(({ name }) => name)).toEqual([
        "plan_lora",
        "diagnose_run",
        "judge_samples",
        "plan_next_run",
      ]);
      for (const each of prompts)
        expect(each).toMatchObject({
          title: expect.any(String),
          description: expect.any(String),
          arguments: expect.arrayContaining([expect.objectContaining({ required: true })]),
        });
    });

    test("bring what the tools say along", async () => {
      const plan = textOf(await get("plan_lora", { dataset: NAME, goal: "a grey cat" }));
      expect(plan).toContain("a grey cat");
      expect(plan).toContain("image_count");
      expect(plan).toContain("disk_usage_percent");
      const diagnosis = textOf(await get("diagnose_run", { job_id: id }));
      expect(diagnosis).toContain("REHEARSAL");
      const next = textOf(await get("plan_next_run", { job_id: id, wish: "sharper" }));
      expect(next).toContain("sharper");
      expect(next).toContain("diffusion_trainer");
    });

    test("show the samples as a picture", async () => {
      const { messages } = await get("judge_samples", { job_id: id });
      const kinds = (messages as { role: string; content: { type: string } }[]).map(({ role, content }) => [
        role,
        content.type,
      ]);
      expect(kinds).toContainEqual(["user", "image"]);
      expect(JSON.stringify(messages).length).toBeLessThan(600_000);
    });

    test.each([
      ["no_such", {}],
      ["plan_lora", undefined],
      ["plan_lora", { dataset: " " }],
      ["plan_lora", { dataset: "gone" }],
      ["diagnose_run", { job_id: "gone" }],
    ])("%s with %j is an error that says what is wrong", async (name, args) => {
      const { error } = await subject().rpc("prompts/get", { name, ...(args && { arguments: args }) });
      expect(error).toMatchObject({
        code: INVALID_PARAMS,
        message: expect.stringMatching(/not found|Missing/),
      });
    });
  });

  test("2026-07-28 reads the same", async () => {
    const uri = `config://${ENCODED}`;
    const { json } = await subject().send("/mcp", {
      headers: {
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "resources/read",
        "mcp-name": uri,
      },
      body: {
        jsonrpc: "2.0",
        id: 1,
        method: "resources/read",
        params: {
          uri,
          _meta: {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
          },
        },
      },
    });
    expect(json["result"]).toMatchObject({
      resultType: "complete",
      cacheScope: "private",
      contents: await read(uri),
    });
  });
};
