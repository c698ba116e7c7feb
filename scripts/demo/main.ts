// npm run demo: the whole story on this machine, without a GPU. Starts a standalone server with the rehearsal trainer
// on a fresh folder, plays every step through a real MCP client, and stays up for you to look around.
import { type ChildProcess, spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { SingleBar } from "cli-progress";
import { contactSheet } from "../../agent/tools/training/contact-sheet.ts";
import { listSamples } from "../../agent/tools/training/run-files.ts";
import { lighthouses } from "./pictures.ts";

const HELP = `npm run demo [-- --exit] [-- --port N] [-- --out FOLDER]

  --exit        end when the story is told (for scripts)
  --port N      port of the server, 0 for any free one [default: 8012]
  --out FOLDER  where the contact sheet and the LoRA go [default: demo-output]`;

const { values: flags } = parseArgs({
  options: {
    exit: { type: "boolean", default: false },
    port: { type: "string", default: "8012" },
    out: { type: "string", default: "demo-output" },
    help: { type: "boolean", short: "h", default: false },
  },
});

interface Server {
  readonly child: ChildProcess;
  readonly url: string;
}

/** Starts the real program and waits until it says where it listens. */
async function startServer(data: string, port: string): Promise<Server> {
  const main = resolve(import.meta.dirname, "../../agent/main.ts");
  const child = spawn(process.execPath, [main, "--data", data, "--trainer", "rehearsal", "--port", port], {
    stdio: ["ignore", "inherit", "pipe"],
  });
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    const url = /"url":"([^"]+)"/.exec(line)?.[1];
    if (url) {
      child.stderr.resume(); // the rest of its log is not for this screen
      return { child, url };
    }
  }
  throw new Error(`The server did not start:\n${said.join("\n")}`);
}

type Json = Readonly<Record<string, unknown>>;

/** One step of the story: a tool call, its failure as an error. */
async function callTool(client: Client, name: string, args: Json = {}): Promise<Json> {
  const { content, structuredContent, isError } = await client.callTool({ name, arguments: args });
  if (isError || !structuredContent) throw new Error(`${name}: ${JSON.stringify(content)}`);
  return structuredContent as Json;
}

const say = (step: string, text: string) => console.log(`${step.padEnd(24)} ${text}`);
const mib = (bytes: unknown) => `${(Number(bytes) / 1024 ** 2).toFixed(1)} MiB`;

async function watch(client: Client, jobId: string): Promise<Json> {
  const bar = new SingleBar({
    format: `${"get_training_status".padEnd(24)} [{bar}] {value}/{total} steps  {state}`,
    hideCursor: true,
    noTTYOutput: true,
    notTTYSchedule: 2_000,
  });
  let started = false;
  for (;;) {
    const status = await callTool(client, "get_training_status", { job_id: jobId });
    const total = Number(status["total_steps"] ?? 1);
    const loss = typeof status["loss"] === "number" ? `, loss ${status["loss"].toFixed(3)}` : "";
    const state = { state: `${status["phase"]}${loss}` };
    if (started) bar.update(Number(status["step"] ?? 0), state);
    else bar.start(total, 0, state);
    started = true;
    if (status["status"] !== "running" && status["status"] !== "pending") {
      bar.stop();
      return status;
    }
    await delay(200);
  }
}

async function tell(client: Client, out: string, data: string): Promise<void> {
  const stats = await callTool(client, "get_system_stats");
  const gpu = stats["gpu"] as { devices: readonly Json[]; note: string | null };
  say("get_system_stats", gpu.devices.map((device) => device["name"]).join(", ") || (gpu.note ?? "no GPU"));

  const images = await lighthouses();
  const upload = await callTool(client, "upload_dataset", { dataset_name: "lighthouse", images });
  say("upload_dataset", `${upload["images_saved"]} of ${images.length} images in "lighthouse"`);

  await callTool(client, "create_training_config", {
    name: "lighthouse_lora",
    dataset_path: "lighthouse",
    trigger_word: "l1ghthouse",
    steps: 500,
    prompts: ["l1ghthouse at dawn", "l1ghthouse in a storm", "a cat in a garden"],
  });
  say("create_training_config", "lighthouse_lora: SD 1.5, rank 16, 500 steps");

  const check = await callTool(client, "validate_config", { name: "lighthouse_lora" });
  say("validate_config", check["valid"] ? "valid" : JSON.stringify(check["errors"]));

  const job = await callTool(client, "start_training", { config_name: "lighthouse_lora" });
  say("start_training", `job ${job["job_id"]} (trainer: ${job["trainer"]})`);
  const ended = await watch(client, String(job["job_id"]));
  if (ended["status"] !== "completed")
    throw new Error(`The run ended ${ended["status"]}: ${ended["reason"]}`);
  say("", `completed, ${ended["samples"]} samples`);

  const { models } = (await callTool(client, "list_exported_models")) as { models: readonly Json[] };
  for (const model of models)
    say("list_exported_models", `${model["name"]} · step ${model["step"]} · ${mib(model["size"])}`);

  await mkdir(out, { recursive: true });
  const exported = await callTool(client, "export_model", { model_name: "lighthouse_lora" });
  const lora = join(out, basename(String(exported["path"])));
  await copyFile(String(exported["path"]), lora);
  say("export_model", `${lora} · sha256 ${String(exported["sha256"]).slice(0, 12)}…`);

  const sheet = await contactSheet(await listSamples(join(data, "output", "lighthouse_lora")));
  if (!sheet) throw new Error("The run left no samples");
  const picture = join(out, "contact-sheet.png");
  await writeFile(picture, sheet.image);
  say(
    "samples",
    `${picture} · rows: steps ${sheet.steps.join(", ")} · columns: ${sheet.prompts.length} prompts`,
  );
}

async function main(): Promise<void> {
  if (flags.help) {
    console.log(HELP);
    return;
  }
  const data = await mkdtemp(join(tmpdir(), "mcp-ai-toolkit-demo-"));
  console.log("This is a rehearsal: every step is real except the training itself, which is played.\n");
  const { child, url } = await startServer(data, flags.port);
  // This demo and its server come and go together.
  process.once("exit", () => child.kill());
  const client = new Client({ name: "demo", version: "1.0.0" }, { versionNegotiation: { mode: "auto" } });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)));
  say("connected", `${url}/mcp`);
  await tell(client, resolve(flags.out), data);
  await client.close();

  const config = { mcpServers: { aitoolkit: { type: "http", url: `${url}/mcp` } } };
  console.log(`\nPaste this into .mcp.json and talk to it:\n${JSON.stringify(config, null, 2)}`);
  console.log(`\nOr: curl -s ${url}/health\nData: ${data}`);
  if (!flags.exit) {
    console.log("\nThe server stays up until Ctrl-C.");
    const stop = Promise.withResolvers<void>();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.resolve());
    await stop.promise;
  }
}

try {
  await main();
  process.exit(0);
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
