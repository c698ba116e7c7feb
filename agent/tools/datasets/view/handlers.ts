import type { Handlers } from "../../../../shared/contract.ts";
import type { datasetViewTools } from "../../../../shared/tools/dataset-view.ts";
import { checkRelative } from "../../../files/sandbox.ts";
import { openDataset, orNotFound } from "../open-dataset.ts";
import type { Roots } from "../walk-dataset.ts";
import { viewOne, viewPage } from "./view-dataset.ts";

export const datasetViewHandlers = (roots: Roots): Handlers<typeof datasetViewTools> => ({
  async view_dataset(input, { signal }) {
    const { name, file } = input;
    checkRelative(name, "dataset");
    if (file === undefined) return orNotFound(viewPage(roots, input, signal));
    checkRelative(file, "image file");
    const folder = await openDataset(roots, name); // says so when there is no such data set
    await folder[Symbol.asyncDispose]();
    return viewOne(roots, name, file);
  },
});
