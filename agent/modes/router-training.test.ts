// Trainings through a router: also when the agent dies under it.
import { connected, startAgent, startRouted } from "../testing/routed.ts";
import { trainingSuite } from "../testing/training.suite.ts";

const env = { MCP_AI_TOOLKIT_STOP_GRACE: "0.4" };

trainingSuite("router and agent", async () => {
  const owner = await startRouted({ env });
  const { data, router, url, token } = owner;
  let agent = owner.agent;
  const next = async () => {
    agent = await startAgent(router.url, "box", { env, data });
    await connected(agent);
    return { url, token };
  };
  return {
    ...owner,
    async crash() {
      await agent.kill9();
      return await next();
    },
    async restart() {
      await agent.stop();
      return await next();
    },
    async close() {
      if (agent !== owner.agent) await agent.close();
      await owner.close();
    },
  };
});
