// What is said of an upload that is being unpacked.
import { ToolError } from "../../shared/errors.ts";
import { json } from "./answers.ts";
import type { UploadLink } from "./patient-finish.ts";

export function stillUnpacking(
  { purpose }: UploadLink,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return json(
    202,
    {
      success: true,
      unpacking: true,
      dataset: purpose.dataset,
      hint: "All bytes are here and are being unpacked, which goes on by itself. A GET request to this link tells how it ended",
    },
    headers,
  );
}

export function stillGivingUp({ purpose }: UploadLink): Response {
  return json(202, {
    success: true,
    unpacking: true,
    dataset: purpose.dataset,
    hint: "It is being given up, unless its files have their names already. A GET request to this link tells how it ended",
  });
}

export const tooLate = ({ purpose: { dataset } }: UploadLink) =>
  new ToolError("conflict", `The upload was in the dataset ${dataset} before it could be given up`, {
    hint: "delete_dataset moves the dataset to the trash",
  });

/** For who would begin another upload. */
export const busy = () =>
  new ToolError("busy", "The upload before this one is still being unpacked", {
    hint: "Send this one when a GET request to this link tells how that one ended; a DELETE request gives it up",
  });
