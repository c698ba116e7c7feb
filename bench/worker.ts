// node worker.ts FOLDER: the Worker as it is deployed, in workerd, as a program of its own, with its storage in the folder.
// Its secrets come by the environment.
import { startWorker } from "../agent/testing/worker.ts";

const { MCP_AI_TOOLKIT_TOKEN = "", MCP_AI_TOOLKIT_AGENT_TOKEN = "" } = process.env;
const { url, close } = await startWorker({
  storage: process.argv[2] ?? "",
  bindings: { MCP_AI_TOOLKIT_TOKEN, MCP_AI_TOOLKIT_AGENT_TOKEN },
});
process.once("SIGTERM", () => void close().then(() => process.exit(0)));
console.error(JSON.stringify({ url }));
