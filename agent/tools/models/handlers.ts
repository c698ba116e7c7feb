import { createHash } from "node:crypto";
import type { BigIntStats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { CallContext, Handlers } from "../../../shared/contract.ts";
import { invalid, softError, ToolError } from "../../../shared/errors.ts";
import { MAX_INLINE_MODEL_BYTES, type modelTools } from "../../../shared/tools/models.ts";
import { inTurn } from "../../current-call.ts";
import type { FileHashes } from "../../files/file-hashes.ts";
import { checkRelative, closing, isMissing } from "../../files/sandbox.ts";
import { Slots } from "../../files/slots.ts";
import { pageOf } from "../page.ts";
import { type DeleteParts, moveToTrash } from "./delete.ts";
import { exportTarget, exportTo } from "./export.ts";
import { nameFrom } from "./export-name.ts";
import { exportRoot } from "./export-root.ts";
import { FileCache, identityOf } from "./file-cache.ts";
import { describeModels, factsOf, type JobsByFolder } from "./list.ts";
import type { ModelFacts } from "./model-facts.ts";
import { findModels, type OpenedModel, openModel } from "./model-files.ts";
import { readExactly } from "./safetensors.ts";

export interface ModelParts extends DeleteParts {
  readonly hashes: FileHashes;
  readonly jobs: JobsByFolder;
}

const BYTES_PER_MB = 1024 * 1024; // as the old server counted

/** Each is in memory several times until it has left, and takes the loop for a quarter of a second. */
const inlined = new Slots(1);

export const modelHandlers = ({ jobs, hashes, ...parts }: ModelParts): Handlers<typeof modelTools> => {
  const { paths } = parts;
  const facts = new FileCache<ModelFacts>();
  const hashOf = (path: string, handle: FileHandle, stats: BigIntStats, { signal }: CallContext) =>
    hashes.get(path, handle, stats, signal);

  /** Opens the model that `name` means. */
  async function withModel<T>(
    name: string,
    work: (model: OpenedModel, facts: ModelFacts) => Promise<T>,
  ): Promise<T> {
    const [found] = await findModels(paths, name);
    const opened = found && (await openModel(paths, found));
    if (!opened) throw notFound();
    return await closing(opened, async (model) => work(model, await factsOf(model, facts)));
  }

  return {
    async list_exported_models(wish, { signal }) {
      const models = await describeModels(paths, facts, await jobs(), signal);
      const { items, more } = pageOf(models, ({ path }) => path, wish);
      return { models: items, ...more, export_folders: [...paths.exportRoots] };
    },

    async export_model({ model_name, output_path, destination, name_template, overwrite }, context) {
      if (output_path !== undefined) checkRelative(output_path, "output"); // before "not found", as the old server
      if (output_path !== undefined && name_template !== undefined) {
        throw invalid("Give output_path or name_template, not both");
      }
      const { root, rootName } = await exportRoot(paths, destination);
      return await withModel(model_name, async (model, facts) => {
        refuseDamaged(model_name, facts);
        const given = name_template === undefined ? output_path : nameFrom(name_template, model, facts);
        const target = exportTarget(given, model.relative);
        const size = Number(model.stats.size);
        const exported = await exportTo(model, {
          root,
          rootName,
          target,
          overwrite,
          reading: { signal: context.signal, onBytes: reportPercent(2 * size, context) }, // written, then read back
          sha256Of: (path, handle, stats) => hashOf(path, handle, stats, context),
        });
        return {
          path: join(root, target),
          status: "success" as const,
          size,
          ...exported,
          ...rehearsed(facts),
        };
      });
    },

    download_model: ({ model_name, encoding }, context) =>
      withModel(model_name, async (model, facts) => {
        const size = Number(model.stats.size);
        if (encoding === "base64" && size > MAX_INLINE_MODEL_BYTES) throw tooLarge(size);
        refuseDamaged(model_name, facts);
        const answer = {
          model: model_name,
          size,
          status: "success" as const,
          path: model.path,
          ...rehearsed(facts),
        };
        if (encoding === "raw") {
          const sha256 = await hashOf(model.path, model.file.handle, model.stats, context);
          const note =
            "Raw mode not fully supported in JSON response; the link leads to the file, or else create_download_link gives one";
          return { ...answer, sha256, note };
        }
        return await inTurn(inlined, async () => {
          const bytes = await readUnchanged(model);
          const sha256 = createHash("sha256").update(bytes).digest("hex");
          return { ...answer, sha256, data: bytes.toString("base64") };
        });
      }),

    async delete_model({ name }) {
      const deleted = await moveToTrash(parts, name).catch((error: unknown) => {
        if (!isMissing(error)) throw error; // another call was quicker
      });
      if (!deleted) throw notFound({ success: false });
      return deleted;
    },
  };
};

function notFound(extra: Record<string, unknown> = {}): ToolError {
  return softError("not_found", "Model not found", extra, "list_exported_models shows the models there are");
}

function tooLarge(size: number): ToolError {
  return softError(
    "too_large",
    "Model too large for download",
    {
      max_size: MAX_INLINE_MODEL_BYTES,
      note: "Use export_model to copy to a location, or access the file directly at the path",
      size,
      size_mb: Math.round((size / BYTES_PER_MB) * 100) / 100,
    },
    "create_download_link gives a link and a curl line for it, whatever its size",
  );
}

function refuseDamaged(name: string, { problem }: ModelFacts): void {
  if (problem === null) return;
  throw new ToolError("conflict", `The model ${name} cannot be used. ${problem}`, {
    hint: "If a run is saving it, try again in a minute; else use an earlier checkpoint, see list_exported_models",
  });
}

function rehearsed({ rehearsal }: ModelFacts): { trainer?: "rehearsal" } {
  return rehearsal ? { trainer: "rehearsal" } : {};
}

async function readUnchanged({ file, stats, relative }: OpenedModel): Promise<Buffer> {
  const bytes = await readExactly(file.handle, 0, Number(stats.size));
  const after = await file.handle.stat({ bigint: true });
  if (bytes && identityOf(after) === identityOf(stats)) return bytes;
  throw new ToolError("conflict", `The model ${relative} changed while it was read`, {
    hint: "It is probably being saved; try again in a minute",
  });
}

/** Reports progress at each full percent; a chunk at a time would be thousands of messages. */
function reportPercent(totalBytes: number, { progress }: CallContext): (bytes: number) => void {
  let [doneBytes, reported] = [0, 0];
  return (bytes) => {
    doneBytes += bytes;
    const percent = Math.floor((doneBytes / totalBytes) * 100);
    if (percent === reported) return;
    reported = percent;
    progress({ progress: percent, total: 100 });
  };
}
