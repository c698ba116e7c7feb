import { chown, mkdtemp, rm, stat } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { isRoot } from "../install/as-user.ts";
import { personOf } from "./person.ts";
import { writeSettings } from "./write.ts";

/** nobody, on every Linux. */
const NOBODY = 65_534;

test.skipIf(!isRoot())("under sudo the client's file is that of the person who typed it", async () => {
  const theirs = await mkdtemp(join(tmpdir(), "person-"));
  onTestFinished(() => rm(theirs, { recursive: true, force: true }));
  await chown(theirs, NOBODY, NOBODY);
  const sudo = { SUDO_UID: String(NOBODY), SUDO_GID: String(NOBODY) };
  const { home, as } = await personOf(sudo, async (uid) => (uid === NOBODY ? theirs : undefined));
  expect(home).toBe(theirs);
  const file = join(theirs, ".cursor/mcp.json");
  await as(() =>
    writeSettings(file, [{ format: "json", path: ["mcpServers", "aitoolkit"], value: { url: "x" } }]),
  );
  expect(await stat(file)).toMatchObject({ uid: NOBODY, gid: NOBODY });
  expect(await stat(join(theirs, ".cursor"))).toMatchObject({ uid: NOBODY });
  await expect(as(() => writeSettings("/root/mcp.json", []))).rejects.toMatchObject({ code: "EACCES" });
});

test.each([{}, { SUDO_UID: "0", SUDO_GID: "0" }, { SUDO_UID: "x", SUDO_GID: "1" }])(
  "without sudo (%j) it is that of whoever runs it",
  async (env) => {
    expect((await personOf(env, async () => "/elsewhere")).home).toBe(homedir());
  },
);
