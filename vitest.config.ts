// Machines are slow and shared: what takes a second here takes ten there, and a test that hangs is found in half a minute, too.
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { testTimeout: 30_000, hookTimeout: 30_000 } });
