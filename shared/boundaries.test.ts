// The walls of the house: who may import whom, and where Node may be named.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");

interface Import {
  readonly file: string;
  readonly target: string;
}

function sources(room: string): string[] {
  return readdirSync(join(root, room), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/\.(test|suite)\.ts$/.test(file))
    .map((file) => join(room, file));
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+"([^"]+)"|import\("([^"]+)"\)|(?:^|\n)import\s+"([^"]+)"/g;

/** Every import of a room; targets inside the project as paths from its root. */
function importsOf(room: string): Import[] {
  return sources(room).flatMap((file) => {
    const text = readFileSync(join(root, file), "utf8");
    return [...text.matchAll(IMPORT)].map((match) => {
      const name = match[1] ?? match[2] ?? match[3] ?? "";
      const target = name.startsWith(".") ? relative(root, resolve(root, dirname(file), name)) : name;
      return { file: file.split(sep).join("/"), target };
    });
  });
}

const into = (room: string) => (line: Import) => line.target.startsWith(`${room}/`);

test("shared imports neither router nor agent", () => {
  const imports = importsOf("shared");
  expect(imports.length).toBeGreaterThan(20);
  expect(imports.filter((line) => into("router")(line) || into("agent")(line))).toEqual([]);
});

test("the router never imports the agent", () => {
  expect(importsOf("router").filter(into("agent"))).toEqual([]);
});

test("the agent meets the router only in its modes and the commands of its owner", () => {
  const crossing = importsOf("agent").filter(into("router"));
  expect(crossing.length).toBeGreaterThan(0);
  expect(crossing.filter(({ file }) => !/^agent\/(modes|commands)\//.test(file))).toEqual([]);
});

/** The router's own parts for Workers: worker.ts, worker-*.ts, the object, and what its tests put in their place. */
const isForWorkers = (file: string) =>
  /^router\/(worker(-[a-z-]+)?\.ts$|router-object\.ts$|testing\/)/.test(file);

test("only the router's entry on Workers names what the Workers runtime brings", () => {
  const onWorkers = [...importsOf("shared"), ...importsOf("router")].filter(({ target }) =>
    target.startsWith("cloudflare:"),
  );
  expect(onWorkers.length).toBeGreaterThan(0);
  expect(onWorkers.filter(({ file }) => !isForWorkers(file))).toEqual([]);
});

/** The router's own parts for Node, node.ts and node-*.ts, and what its tests share, which run there. */
const isForNode = (file: string) => /^router\/(node(-[a-z-]+)?\.ts$|testing\/)/.test(file);

test("shared and the router's routes name no Node module, so that they run on Workers", () => {
  const onNode = [...importsOf("shared"), ...importsOf("router")].filter(
    ({ target }) => target.startsWith("node:") || target === "@hono/node-server" || target === "ws",
  );
  expect(onNode.filter(({ file }) => !isForNode(file))).toEqual([]);
});

/** The files on a way from `start` back to itself; empty when there is none. */
function circleOf(start: string, targets: ReadonlyMap<string, readonly string[]>): string[] {
  const cameFrom = new Map<string, string>();
  const next = [start];
  for (let file = next.pop(); file !== undefined; file = next.pop()) {
    for (const target of targets.get(file) ?? []) {
      if (cameFrom.has(target)) continue;
      cameFrom.set(target, file);
      next.push(target);
    }
  }
  const circle: string[] = [];
  for (let file = cameFrom.get(start); file !== undefined; file = cameFrom.get(file)) {
    circle.unshift(file);
    if (file === start) return circle;
  }
  return [];
}

test("no file imports itself by way of others, types included", () => {
  const imports = ["shared", "router", "agent", "scripts", "bench"].flatMap(importsOf);
  const targets = new Map(
    [...Map.groupBy(imports, ({ file }) => file)].map(([file, lines]) => [
      file,
      lines.map(({ target }) => target),
    ]),
  );
  expect(
    [...targets.keys()].map((file) => circleOf(file, targets)).filter(({ length }) => length > 0),
  ).toEqual([]);
});
