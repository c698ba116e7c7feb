// How everything that ships is bundled for Node.
import { fileURLToPath } from "node:url";
import type { BuildOptions, Plugin } from "esbuild";

/**
 * `import` of one of Node's own modules reads every one of its exports; that of node:http even loads the whole of undici
 * by one of its getters. `require` reads what is used: it makes the start a third shorter.
 */
const requireBuiltins: Plugin = {
  name: "require-builtins",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ kind, path }) =>
      kind === "import-statement" ? { path, namespace: "builtin" } : { path, external: true },
    );
    onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)})`,
    }));
  },
};

export const SHIPPED = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node22.18",
  legalComments: "none",
  // A package's ES modules first: some CommonJS ones ask for their parts in a way that no bundler follows.
  mainFields: ["module", "main"],
  absWorkingDir: fileURLToPath(new URL("..", import.meta.url)),
  minifySyntax: true,
  minifyWhitespace: true,
  plugins: [requireBuiltins],
  // Some dependencies are CommonJS and ask for require().
  banner: {
    js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
} as const satisfies BuildOptions;
