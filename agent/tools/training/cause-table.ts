// What trainers say when they fail → one sentence and what to do. The first match wins, so the special come first.
// Texts of ai-toolkit are from its sources, the others from the libraries it raises: torch, huggingface_hub, transformers,
// tokenizers, diffusers, safetensors, requests and httpx, Python, SQLite.

export interface Cause {
  readonly reason: string;
  readonly hint: string;
}

interface Pattern extends Cause {
  readonly pattern: RegExp;
}

const NETWORK_HINT =
  "Check the machine's network and proxy (HTTPS_PROXY), or put the model on its disk and name the folder; downloads go on where they stopped";

export const CAUSES: readonly Pattern[] = [
  {
    pattern:
      /OOM during training step \d+ times in a row|CUDA out of memory|torch\.(cuda\.)?OutOfMemoryError|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED/,
    reason: "The GPU ran out of memory",
    hint: "Lower the resolution or batch_size, turn on quantize, low_vram or gradient_checkpointing, or end other programs on the GPU",
  },
  {
    pattern: /shared memory \(shm\)|out of shared memory\. Please try to raise/,
    reason: "The data loader ran out of shared memory (/dev/shm)",
    hint: "Set num_workers: 0 in the data set, or give the container more shared memory (--shm-size)",
  },
  {
    pattern:
      /DefaultCPUAllocator: can't allocate memory|DataLoader worker \(pid \d+\) is killed by signal: Killed|Cannot allocate memory|MemoryError/,
    reason: "The machine ran out of memory (RAM)",
    hint: "Close other programs, add swap, lower num_workers, or turn on low_vram and quantize",
  },
  {
    pattern:
      /GatedRepoError|Cannot access gated repo|trying to access a gated repo|Access to model .{1,200} is restricted|awaiting a review from the repo authors|403 Client Error/,
    reason: "The base model is gated and this machine has no access to it",
    hint: "Accept the licence on the model's Hugging Face page and set HF_TOKEN for the agent, then start again",
  },
  {
    // Hugging Face says 401 also for a repository that does not exist, so this comes before the token.
    pattern:
      /RepositoryNotFoundError|Repository Not Found for url|EntryNotFoundError|RevisionNotFoundError|404 Client Error|is not a local folder and is not a valid model identifier|is neither a valid local path nor a valid repo id|HFValidationError|Error no file named .{1,200} found in directory|does not appear to have a file named/,
    reason: "The base model was not found",
    hint: "Check model.name_or_path; list_model_presets has names that exist",
  },
  {
    pattern:
      /401 Client Error|Invalid user token|Invalid username or password|Invalid credentials in Authorization/,
    reason: "Hugging Face refused the token",
    hint: "Set a valid HF_TOKEN for the agent (huggingface.co/settings/tokens), then start again",
  },
  {
    pattern:
      /No space left on device|\[Errno 28\]|database or disk is full|Disk quota exceeded|\[Errno 122\]|inline_container\.cc:\d+\] \. unexpected pos/,
    reason: "The disk is full",
    hint: "Free space (old runs, checkpoints, caches) or keep fewer checkpoints with max_step_saves_to_keep",
  },
  {
    pattern: /no (images|videos|audio|audio files) found in/,
    reason: "The data set holds no file that can be trained",
    hint: "Check folder_path in the configuration; get_dataset_info shows what a data set holds",
  },
  {
    pattern:
      /UnidentifiedImageError|cannot identify image file|image file is truncated|broken data stream when reading image/,
    reason: "A picture of the data set is damaged",
    hint: "get_training_logs names the file; replace or delete it; check_dataset finds all others",
  },
  {
    pattern: /Missing control images for|requires control \(reference\) images/,
    reason: "The model needs control images, and the data set has none",
    hint: "Set control_path in the data set to a folder with files of the same names",
  },
  {
    pattern: /'utf-8' codec can't decode byte/,
    reason: "A caption (or another text file) is not UTF-8",
    hint: "check_dataset names the files; set_captions writes them anew, as UTF-8",
  },
  {
    pattern: /Environment variable .{1,200} not set\. Please ensure it's defined/,
    reason: "The configuration asks for an environment variable that is not set",
    hint: "Write the value itself into the configuration; ai-toolkit takes $ with a word in braces for a variable, in prompts too",
  },
  {
    pattern:
      /Couldn't instantiate the backend tokenizer|Cannot instantiate this tokenizer from a slow version|Can't load tokenizer for|did not match any variant of untagged enum|tokenizers[<>=!].{1,80} is required for a normal functioning/,
    reason: "The model's tokenizer could not be loaded",
    hint: "Install the toolkit's requirements into its venv (transformers, tokenizers, sentencepiece); if they are there, delete the model from the Hugging Face cache and let it load again",
  },
  {
    pattern:
      /Error while deserializing header|SafetensorError|PytorchStreamReader failed reading zip archive|Unable to load weights from checkpoint file|invalid load key/,
    reason: "A model file is damaged or was not loaded to its end",
    hint: "get_training_logs names it: delete it from the Hugging Face cache and let it load again; if it is the run's own newest checkpoint, move it away and start with resume: true",
  },
  {
    pattern: /size mismatch for |Error\(s\) in loading state_dict for/,
    reason: "The weights do not fit the network of this configuration",
    hint: "Resume with the rank and type that the checkpoint was trained with, or give the configuration a new name to begin anew",
  },
  {
    pattern: /ProxyError|Cannot connect to proxy|Unable to connect to proxy|Tunnel connection failed/,
    reason: "A download failed: the proxy did not let it through",
    hint: NETWORK_HINT,
  },
  {
    pattern: /CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError/,
    reason: "A download failed: the certificate of the other side was not accepted",
    hint: "Check the machine's clock and certificates; behind a company proxy set REQUESTS_CA_BUNDLE for the agent",
  },
  {
    pattern: /429 Client Error|Too Many Requests/,
    reason: "Hugging Face turned the download away: too many requests",
    hint: "Wait a while; with HF_TOKEN set the limits are higher",
  },
  {
    pattern:
      /LocalEntryNotFoundError|OfflineModeIsEnabled|Max retries exceeded|NameResolutionError|name resolution|Name or service not known|Network is unreachable|ConnectTimeout|ReadTimeout|ConnectError|couldn't connect to 'https:|Server disconnected without sending|IncompleteRead|error occurred while downloading using|5\d\d Server Error/,
    reason: "A download failed: the machine could not reach Hugging Face",
    hint: NETWORK_HINT,
  },
  {
    pattern: /Unknown optimizer type/,
    reason: "ai-toolkit does not know the optimizer",
    hint: "Choose another train.optimizer, e.g. adamw8bit; validate_config says which it was meant to be",
  },
  {
    pattern: /ModuleNotFoundError|No module named |ImportError|cannot import name /,
    reason: "A Python package is missing in ai-toolkit's environment, or too old",
    hint: "Install the toolkit's requirements.txt into its venv; one broken package stops every run",
  },
  {
    pattern:
      /Torch not compiled with CUDA enabled|No CUDA GPUs are available|Found no NVIDIA driver|no kernel image is available for execution|NVIDIA driver on your system is too old|CUDA driver version is insufficient/,
    reason: "PyTorch cannot use the GPU",
    hint: "Install the NVIDIA driver, and a PyTorch built for it and for this GPU, into the toolkit's venv; get_system_stats shows the GPUs",
  },
  {
    pattern: /CUDA error: |CUDNN_STATUS_|CUBLAS_STATUS_|device-side assert triggered/,
    reason: "The GPU or its driver failed",
    hint: "Start again with resume: true; if it comes back, restart the machine and lower the GPU's clocks. get_training_logs shows the place",
  },
  {
    pattern: /loss is nan|Loss is NaN or Inf|weight is nan/i,
    reason: "The loss was no number any more (NaN)",
    hint: "Lower the learning rate, use dtype bf16, set max_grad_norm: 1, and begin from a checkpoint before it",
  },
  {
    pattern: /DataLoader timed out after|Watchdog caught collective operation timeout/,
    reason: "The trainer hung and gave up",
    hint: "Set num_workers: 0 in the data set and start again with resume: true",
  },
  {
    pattern: /database is locked/,
    reason: "The trainer could not write its report: the database was locked",
    hint: "Keep the data folder on a local disk, then start again with resume: true",
  },
  {
    pattern: /no such (table|column)/,
    reason: "The trainer's report database is damaged",
    hint: "Start the job again",
  },
  {
    pattern:
      /config file is invalid|config file must have|Could not find config file|Unknown job type|invalid dataset type|name_or_path must be specified|are mutually exclusive|JSONDecodeError|yaml\.(scanner|parser|constructor)\.|expected str, bytes or os\.PathLike object, not NoneType/,
    reason: "ai-toolkit does not accept the configuration",
    hint: "validate_config says what is wrong with it; an older ai-toolkit may also lack what it asks for",
  },
  {
    pattern: /PermissionError|\[Errno 13\]/,
    reason: "The trainer may not read or write a file",
    hint: "get_training_logs shows which; give the agent's user the right to it",
  },
  {
    pattern: /Too many open files|\[Errno 24\]/,
    reason: "The trainer had too many files open",
    hint: "Raise the limit (ulimit -n, LimitNOFILE in the service) and start again with resume: true",
  },
  {
    pattern: /EOF when reading a line/,
    reason: "The trainer asked for something on its keyboard, and it has none",
    hint: "push_to_hub needs HF_TOKEN; set it for the agent or turn push_to_hub off",
  },
  {
    pattern: /FileNotFoundError|\[Errno 2\] No such file/,
    reason: "A file that the configuration names is missing",
    hint: "get_training_logs shows which; check folder_path and name_or_path",
  },
];
