// Contract of the tool that brings deleted things back.
import * as v from "valibot";
import { defineTool } from "../contract.ts";
import { output, Text, Time } from "../fields.ts";

export const restoreDeleted = defineTool({
  name: "restore_deleted",
  title: "Restore what was deleted",
  description:
    "Bring back a deleted config, data set or model, or overwritten captions, by the trash_id that was answered. Without trash_id: list what is in the trash, newest first.",
  scope: "train",
  effect: "write",
  input: v.object({ trash_id: v.optional(Text("What to bring back", 100)) }),
  output: output({
    restored: v.nullable(v.object({ kind: v.string(), name: v.string(), paths: v.array(v.string()) })),
    deleted: v.array(
      v.object({ trash_id: v.string(), kind: v.string(), name: v.string(), deleted_at: Time }),
    ),
  }),
});

export const trashTools = [restoreDeleted] as const;
