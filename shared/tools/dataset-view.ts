// Contract of the tool that shows the pictures of a data set.
import * as v from "valibot";
import { defineTool } from "../contract.ts";
import { Blocks, Count, Name, Text } from "../fields.ts";

export const viewDataset = defineTool({
  name: "view_dataset",
  title: "Look at a dataset",
  description:
    "Pictures of a dataset on one sheet, with their captions, a page at a time. With file: that one, large.",
  scope: "read",
  effect: "read",
  input: v.object({
    name: Name("Dataset name"),
    file: v.optional(Text("Only this one, as get_captions names it: sub/a.png", 1024)),
    limit: v.optional(Count("Pictures a page", 1, 36), 16),
    cursor: v.optional(Text("next_cursor of the page before", 2000)),
  }),
  output: Blocks,
});

export const datasetViewTools = [viewDataset] as const;
