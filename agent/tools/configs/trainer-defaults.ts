// What ai-toolkit takes where a config says nothing (toolkit/config_modules.py); the keys as they stand in the config.

export const TRAINER_DEFAULTS = {
  train: { steps: 1000 },
  save: { save_every: 1000, max_step_saves_to_keep: 5, dtype: "float16" },
  datasets: { resolution: 512 },
  sample: { sample_every: 100, sample_start_step: 0, width: 512, height: 512 },
} as const;
