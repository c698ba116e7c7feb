import { type Program, startProgram } from "../testing/program.ts";
import { trainingSuite } from "../testing/training.suite.ts";

const env = { MCP_AI_TOOLKIT_STOP_GRACE: "0.4" };

trainingSuite("standalone", async () => {
  const owner = await startProgram({ env });
  const { data } = owner;
  let program: Program = owner;
  const next = async () => {
    program = await startProgram({ env, data });
    return program;
  };
  return {
    ...owner,
    async crash() {
      await program.kill9();
      return await next();
    },
    async restart() {
      await program.stop();
      return await next();
    },
    async close() {
      if (program !== owner) await program.close();
      await owner.close();
    },
  };
});
