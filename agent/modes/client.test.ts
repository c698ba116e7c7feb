import { expect, test } from "vitest";
import { contractSuite } from "../testing/contract.suite.ts";
import { startProgram } from "../testing/program.ts";

for (const mode of ["server", "standalone"]) {
  contractSuite(`client mode in front of ${mode} mode`, async () => {
    const backend = await startProgram({ args: ["--mode", mode] });
    const program = await startProgram({
      args: ["--mode", "client", "--backend-url", backend.url],
      data: backend.data,
    });
    return {
      url: program.url,
      data: backend.data,
      async close() {
        await program.close();
        await backend.close();
      },
    };
  });
}
