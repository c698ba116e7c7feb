import { expect, test } from "vitest";
import { scratch } from "../testing/scratch.ts";
import { identify } from "../tools/training/process.ts";
import { Staging } from "./staging.ts";
import { factsOf, stateResponse } from "./upload-state.ts";

test("who asks in the moment of its end hears that it is unpacked, or how it ended, and never neither", async () => {
  const purpose = { way: "upload", kind: "dataset", dataset: "cats", on_conflict: "append" } as const;
  const link = { id: "link", purpose, createdMs: 0, expiresMs: 1 };
  const staging = new Staging(await scratch(), link.id, await identify(process.pid));
  const outcome = { success: true };
  await staging.end(5, outcome);
  const finishing = { bytes: 5, ended: Promise.resolve(outcome) };
  const still = { received: 5, length: 5, unpacking: true, outcome: null };
  expect(await factsOf(link, staging, finishing)).toMatchObject(still);
  expect(await factsOf(link, staging, undefined)).toMatchObject({ ...still, unpacking: false, outcome });
  for (const at of [finishing, undefined]) {
    const { headers } = await stateResponse(staging, at);
    expect([headers.get("upload-offset"), headers.get("upload-length")]).toEqual(["5", "5"]);
  }
});
