// What the unfinished runs of others hold on to: all folders that they read and write, as far as they can be known.
import { realpath } from "node:fs/promises";
import type { FolderUser } from "../training/in-use.ts";
import type { ForeignRun } from "../training/run.ts";
import type { FoundRun, Survey } from "./found-run.ts";
import { type LiveTrainer, liveTitle } from "./live-trainers.ts";
import { uiTitle } from "./ui-status.ts";

const WHERE_STARTED = "Stop it where it was started";

function userOf({ origin, name, state, trainer }: FoundRun): Omit<FolderUser, "folders"> {
  const title = trainer ? liveTitle(trainer) : uiTitle(name);
  if (origin === "folder") return { title, remedy: WHERE_STARTED };
  const remedy =
    state === "pending" ? "Take it out of the ai-toolkit web UI's queue" : "Stop it in the ai-toolkit web UI";
  return { title, remedy };
}

/** @param open finds out the rest of a run */
export async function folderUsers(
  { runs, trainers }: Survey,
  open: (found: FoundRun) => Promise<ForeignRun>,
): Promise<FolderUser[]> {
  const ofRuns = runs
    .filter(({ state }) => state !== "ended")
    .map(async (found): Promise<FolderUser> => {
      // The config in its folder may be an earlier session's: a trainer writes its own when it begins.
      const { output_folder, dataset_folders } = await open(found);
      const folders = [output_folder, ...dataset_folders, ...foldersOf(found.trainer)];
      return { ...userOf(found), folders: await withRealPaths(folders) };
    });
  const known = new Set(runs.map(({ trainer }) => trainer));
  const ofProcesses = trainers
    .filter((trainer) => !known.has(trainer))
    .map(
      async (trainer): Promise<FolderUser> => ({
        title: liveTitle(trainer),
        remedy: WHERE_STARTED,
        folders: await withRealPaths(foldersOf(trainer)),
      }),
    );
  return await Promise.all([...ofRuns, ...ofProcesses]);
}

const foldersOf = (trainer: LiveTrainer | undefined) =>
  trainer ? [...trainer.folders, ...trainer.datasetFolders] : [];

async function withRealPaths(folders: readonly string[]): Promise<string[]> {
  const real = await Promise.all(
    folders.map((folder) => realpath(folder).catch(() => folder)), // not made yet, or out of our sight
  );
  return [...new Set([...folders, ...real])];
}
