import type { Subject } from "../subject.ts";

/** Defines tests of a server that is only there when they run. All chapters share it, so each uses names of its own. */
export type Chapter = (subject: () => Subject) => void;

/** The tools of the old server, in the order in which it registered them. */
export const OLD_TOOLS = [
  "create_training_config", "list_configs", "get_config", "upload_dataset", "list_datasets", "start_training",
  "get_training_status", "stop_training", "list_training_jobs", "export_model", "list_exported_models",
  "download_model", "get_system_stats", "get_training_logs", "get_training_info", "delete_config",
  "delete_dataset", "delete_model", "validate_config", "get_dataset_info", "list_model_presets",
]; // biome-ignore format: a list
