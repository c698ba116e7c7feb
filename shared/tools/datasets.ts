// Contracts of the tools for data sets.
import * as v from "valibot";
import { defineTool } from "../contract.ts";
import { Bytes, Flag, Name, output, PAGE_INPUT, PAGE_OUTPUT, Success, Whole } from "../fields.ts";

/** An element that is no such object is reported as a failed file, it does not fail the whole upload. */
const UploadedImage = v.fallback(
  v.object({
    filename: v.string(),
    data: v.pipe(v.string(), v.description("Base64 encoded image data")),
    caption: v.optional(v.pipe(v.string(), v.description("Image caption"))),
  }),
  { filename: "", data: "" },
);

/** What it is made of; null when nothing in it can be trained. */
export const DatasetKind = v.nullable(v.picklist(["image", "video", "audio", "mixed"]));

export const uploadDataset = defineTool({
  name: "upload_dataset",
  title: "Upload images to a dataset",
  description:
    "Upload images to create a training dataset. For more than a few small ones use create_upload_link; a call that is too large is refused with such a link.",
  scope: "train",
  effect: "write",
  input: v.object({
    dataset_name: Name("Name for the dataset"),
    images: v.array(UploadedImage),
    overwrite: v.optional(
      Flag("Replace files of the same name; off, such files are reported as failed"),
      false,
    ),
  }),
  output: output({
    dataset: v.string(),
    images_saved: Whole,
    path: v.string(),
    status: Success,
    images_received: Whole,
    images_failed: Whole,
    failed: v.array(v.object({ index: Whole, filename: v.string(), reason: v.string() })),
  }),
});

export const listDatasets = defineTool({
  name: "list_datasets",
  title: "List datasets",
  description: "List all available training datasets.",
  scope: "read",
  effect: "read",
  mayBeLong: true,
  input: v.object({ ...PAGE_INPUT }),
  output: output({
    ...PAGE_OUTPUT,
    datasets: v.array(
      v.object({
        name: v.string(),
        path: v.string(),
        image_count: Whole,
        caption_count: Whole,
        /** The first ten; get_dataset_info has them all. */
        missing_captions: v.array(v.string()),
        missing_caption_count: Whole,
        total_size_bytes: Bytes,
        kind: DatasetKind,
      }),
    ),
  }),
});

export const getDatasetInfo = defineTool({
  name: "get_dataset_info",
  title: "Describe a dataset",
  description: "Get detailed information about a dataset including image count, caption stats.",
  scope: "read",
  effect: "read",
  mayBeLong: true,
  input: v.object({ name: Name("Dataset name") }),
  output: output({
    name: v.string(),
    path: v.string(),
    image_count: Whole,
    caption_count: Whole,
    captions_complete: v.boolean(),
    /** The old server's sentence; `missing_caption_files` is the same as data. */
    missing_captions: v.string(),
    missing_caption_files: v.array(v.string()),
    total_size_mb: v.number(),
    total_size_bytes: Bytes,
    kind: DatasetKind,
    video_count: Whole,
    audio_count: Whole,
    /** The first twenty; ai-toolkit trains what lies in them, too. */
    trained_subfolders: v.array(v.string()),
    trained_subfolder_count: Whole,
    /** Inside the data set or beside it; `trained`: it lies inside, so that its files are trained like the others. */
    control_folders: v.array(
      v.object({
        folder: v.string(),
        role: v.picklist(["control", "mask", "generated"]),
        trained: v.boolean(),
      }),
    ),
  }),
});

export const deleteDataset = defineTool({
  name: "delete_dataset",
  title: "Delete a dataset",
  description: "Delete a training dataset and all its contents.",
  scope: "admin",
  effect: "destroy",
  input: v.object({ name: Name("Dataset name to delete") }),
  output: output({ deleted: v.string(), success: v.literal(true), trash_id: v.string() }),
});

export const datasetTools = [uploadDataset, listDatasets, getDatasetInfo, deleteDataset] as const;
