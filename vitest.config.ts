import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Machines are slow and shared: what takes a second here takes ten there, and a test that hangs is found in half a minute, too.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Node keeps here what it made of our TypeScript: half off each start of a program, of which the tests need hundreds.
    env: { NODE_COMPILE_CACHE: join(import.meta.dirname, "node_modules/.cache/node") },
  },
});
