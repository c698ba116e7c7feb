// node worker.ts: the Worker as it is deployed, in workerd, as a program of its own. Its secrets come by the environment.
import { startWorker } from "../agent/testing/worker.ts";

const { MCP_AI_TOOLKIT_TOKEN = "", MCP_AI_TOOLKIT_AGENT_TOKEN = "" } = process.env;
const { url, close } = await startWorker({ bindings: { MCP_AI_TOOLKIT_TOKEN, MCP_AI_TOOLKIT_AGENT_TOKEN } });
process.once("SIGTERM", () => void close().then(() => process.exit(0)));
console.error(JSON.stringify({ url }));
