// The catalogue: every tool, in the order in which clients see it (the old server's order of registration first).
import type { Contract } from "../contract.ts";
import { getCaptions, replaceInCaptions, setCaptions } from "./captions.ts";
import {
  createTrainingConfig,
  deleteConfig,
  getConfig,
  listConfigs,
  updateConfig,
  validateConfig,
} from "./configs.ts";
import { checkDataset } from "./dataset-check.ts";
import { viewDataset } from "./dataset-view.ts";
import { deleteDataset, getDatasetInfo, listDatasets, uploadDataset } from "./datasets.ts";
import { compareRuns, getRunRecord } from "./history.ts";
import { listMachines } from "./machines.ts";
import { deleteModel, downloadModel, exportModel, listExportedModels } from "./models.ts";
import { preflight } from "./preflight.ts";
import { getQueue, updateQueue } from "./queue.ts";
import { agentHealth, getSystemStats, listModelPresets } from "./system.ts";
import {
  getTrainingInfo,
  getTrainingLogs,
  getTrainingMetrics,
  getTrainingSamples,
  getTrainingStatus,
  listTrainingJobs,
  sampleNow,
  saveCheckpointNow,
  startTraining,
  stopTraining,
  waitForTraining,
} from "./training.ts";
import { createDownloadLink, createUploadLink, fileRequest, revokeLink } from "./transfers.ts";
import { restoreDeleted } from "./trash.ts";
import { watchJobs } from "./watching.ts";

export const TOOLS = [
  createTrainingConfig,
  listConfigs,
  getConfig,
  uploadDataset,
  listDatasets,
  startTraining,
  getTrainingStatus,
  stopTraining,
  listTrainingJobs,
  exportModel,
  listExportedModels,
  downloadModel,
  getSystemStats,
  getTrainingLogs,
  getTrainingInfo,
  deleteConfig,
  deleteDataset,
  deleteModel,
  validateConfig,
  getDatasetInfo,
  listModelPresets,
  preflight,
  getTrainingMetrics,
  getTrainingSamples,
  waitForTraining,
  saveCheckpointNow,
  sampleNow,
  getRunRecord,
  compareRuns,
  updateConfig,
  restoreDeleted,
  listMachines,
  getCaptions,
  setCaptions,
  replaceInCaptions,
  getQueue,
  updateQueue,
  checkDataset,
  viewDataset,
  createUploadLink,
  createDownloadLink,
  revokeLink,
] as const;

/** Those that the router answers by itself: no agent has a handler for them. */
export const ROUTER_TOOLS = [listModelPresets, listMachines] as const;

/** Calls between router and agent that no client can make. */
export const INTERNAL_TOOLS = [agentHealth, watchJobs, fileRequest] as const;

const byName = new Map<string, Contract>([...TOOLS, ...INTERNAL_TOOLS].map((tool) => [tool.name, tool]));

export function contractOf(name: string): Contract | undefined {
  return byName.get(name);
}
