// What a trainer process gets to see of our environment: an allow-list, because the agent's own secrets are in there.

const ALLOWED = new Set([
  "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR",
  "LD_LIBRARY_PATH", "XDG_CACHE_HOME", "MODELS_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
  "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
  "OMP_NUM_THREADS", "MKL_NUM_THREADS", "SEED", "AI_TOOLKIT_OFFLOAD_DEPTH",
]); // biome-ignore format: a list

const ALLOWED_PREFIXES = [
  "LC_",
  "HF_",
  "HUGGINGFACE_",
  "HUGGING_FACE_",
  "CUDA_",
  "NVIDIA_",
  "TORCH_",
  "PYTORCH_",
  "NCCL_",
  "ACCELERATE_",
];

export type Environment = Readonly<Record<string, string | undefined>>;

/** `extraPrefixes`: further families a certain trainer reads. */
export function trainerEnvironment(
  own: Environment,
  added: Readonly<Record<string, string>>,
  extraPrefixes: readonly string[] = [],
): Record<string, string> {
  const prefixes = [...ALLOWED_PREFIXES, ...extraPrefixes];
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined && (ALLOWED.has(name) || prefixes.some((prefix) => name.startsWith(prefix)))) {
      kept[name] = value;
    }
  }
  return {
    ...kept,
    CUDA_DEVICE_ORDER: "PCI_BUS_ID", // else CUDA counts GPUs in another order than nvidia-smi
    PYTHONUNBUFFERED: "1", // else output arrives 8 KiB at a time, up to minutes late
    PYTHONIOENCODING: "utf-8",
    IS_AI_TOOLKIT_UI: "1", // silences the trainer's timer tables
    ...added,
  };
}
