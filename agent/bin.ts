#!/usr/bin/env node
// The installed command. It runs on any Node, only to say in one sentence that it is too old; the program itself is
// loaded after that, because an old Node could not even parse its imports.
import module from "node:module";
import { tooOld } from "./node-version.ts";

const problem = tooOld(process.versions.node);
if (problem) {
  console.error(problem);
  process.exitCode = 1;
} else {
  const bundle = "./mcp-ai-toolkit.js"; // beside this file in dist/
  module.enableCompileCache?.(); // halves the time to start
  import(bundle).catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
}
