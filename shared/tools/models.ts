// Contracts of the tools for trained models.
import * as v from "valibot";
import { defineTool } from "../contract.ts";
import {
  Bytes,
  Flag,
  lenient,
  Name,
  OneOf,
  output,
  PAGE_INPUT,
  PAGE_OUTPUT,
  Path,
  Success,
  Time,
  Whole,
} from "../fields.ts";
import { createDownloadLink } from "./transfers.ts";

/** The largest file that `download_model` puts into an answer as base64, in bytes. The old server's limit. */
export const MAX_INLINE_MODEL_BYTES = 104_857_600;

export const exportModel = defineTool({
  name: "export_model",
  title: "Export a model",
  description:
    "Export a trained model to a specific location: below outputs, or in an export folder of this machine. The file keeps its format; the copy is verified before it appears.",
  scope: "train",
  effect: "replace",
  input: v.object({
    model_name: Name("Model name"),
    output_path: v.optional(lenient(Path("Output path for the exported model (within outputs directory)"))),
    destination: v.optional(
      Name(
        "An export folder outside, e.g. ComfyUI's loras; list_exported_models names them. Default: outputs",
      ),
    ),
    name_template: v.optional(
      Path(
        "Instead of output_path: a name made of {name}, {step}, {date}, {base}, {trigger}, e.g. {name}_{step}",
      ),
    ),
    overwrite: v.optional(Flag("Replace an existing file at the output path"), false),
  }),
  output: output({ path: v.string(), status: Success, size: Bytes, sha256: v.string(), copied: v.boolean() }),
});

const Model = v.object({
  name: v.string(),
  extension: v.string(),
  path: v.string(),
  relative_path: v.string(),
  size: Bytes,
  created_at: Time,
  /** The training step in the file's header or name; null when it says none. */
  step: v.nullable(Whole),
  base_model: v.nullable(v.string()),
  trigger_word: v.nullable(v.string()),
  /** The job that wrote it, when we started that job. */
  job_id: v.nullable(v.string()),
  /** What is wrong with the file, e.g. that it was cut off while being written. */
  problem: v.nullable(v.string()),
});

export const listExportedModels = defineTool({
  name: "list_exported_models",
  title: "List trained models",
  description: "List all exported models.",
  scope: "read",
  effect: "read",
  mayBeLong: true,
  input: v.object({ ...PAGE_INPUT }),
  output: output({
    ...PAGE_OUTPUT,
    models: v.array(Model),
    /** What export_model takes as destination. */
    export_folders: v.array(v.object({ name: v.string(), path: v.string() })),
  }),
});

export const downloadModel = defineTool({
  name: "download_model",
  title: "Download a model",
  description:
    'Download a trained model: a link to it (URL, curl line), its path, size and SHA-256. As base64 encoded data only if encoding "base64" is given and the file is small (over REST it is the default); that floods a chat.',
  scope: "read",
  effect: "read",
  input: v.object({
    model_name: Name("Model name to download"),
    encoding: v.optional(lenient(OneOf(["base64", "raw"], "Encoding of the data")), "base64"),
  }),
  output: output({
    model: v.string(),
    size: Bytes,
    status: Success,
    sha256: v.string(),
    path: v.string(),
    data: v.optional(v.string()),
    note: v.optional(v.string()),
    /** Unless its data is here, or no client can reach us by HTTP. */
    link: v.optional(createDownloadLink.output),
  }),
});

export const deleteModel = defineTool({
  name: "delete_model",
  title: "Delete a model",
  description: "Delete a trained model file.",
  scope: "admin",
  effect: "destroy",
  input: v.object({ name: Name("Model name to delete") }),
  output: output({
    deleted: v.string(),
    success: v.literal(true),
    trash_id: v.string(),
    files: v.array(v.string()),
  }),
});

export const modelTools = [exportModel, listExportedModels, downloadModel, deleteModel] as const;
