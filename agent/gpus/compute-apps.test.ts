import { expect, test } from "vitest";
import { parseAppLine } from "./compute-apps.ts";

const UUID = "GPU-5c2d2c1e-7a9c-3b1c-9f0e-2b8f0d6f1a11";

test.each([
  [`${UUID}, 4711, /usr/bin/python3, 20480`, { pid: 4711, name: "python3", usedMib: 20480 }],
  [`${UUID}, 812, ollama, 512`, { pid: 812, name: "ollama", usedMib: 512 }],
  [`${UUID}, 4711, [Not Found], [N/A]`, { pid: 4711, name: null, usedMib: null }],
  [`${UUID}, 4711, [Insufficient Permissions], 300`, { pid: 4711, name: null, usedMib: 300 }],
  [`${UUID}, 9, /opt/a, b/run me, now, 77`, { pid: 9, name: "run me, now", usedMib: 77 }],
  [`${UUID}, 9, C:\\Windows\\explorer.exe, [N/A]`, { name: "C:\\Windows\\explorer.exe", usedMib: null }],
  [`${UUID}, 9, /tmp/\u001b[2Jevil\ttool, 5`, { name: "?[2Jevil?tool", usedMib: 5 }],
])("%s", (line, app) => {
  expect(parseAppLine(line)).toMatchObject({ gpuUuid: UUID, ...app });
});

test("a program's name is cut, however long its writer made it", () => {
  expect(parseAppLine(`${UUID}, 9, /${"x".repeat(5_000)}, 5`)?.name).toHaveLength(60);
});

test.each(["", "No running processes found", `${UUID}, 4711`, `${UUID}, 4711, 20480`, `${UUID}, x, y, 5`])(
  "a line that is no program is none: %j",
  (line) => {
    expect(parseAppLine(line)).toBeUndefined();
  },
);
