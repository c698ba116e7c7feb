import { expect, test } from "vitest";
import { TOOLS } from "../../../shared/tools/index.ts";
import { CAUSES } from "./cause-table.ts";
import { causeOf } from "./causes.ts";
import { cleanLines } from "./log-text.ts";

/** The end of a log as run.py writes it: its own line, its block, and the traceback. */
function failed(message: string, exception: string, traceback = ""): string {
  const rule = "=".repeat(40);
  return `Error running job: ${message}

${rule}
Result:
 - 0 completed jobs
 - 1 failure
${rule}
${traceback}Traceback (most recent call last):
  File "/ai-toolkit/run.py", line 147, in <module>
    main()
${exception}: ${message}
`;
}

const HUB = "https://huggingface.co/black-forest-labs/FLUX.1-dev";

test.each([
  ["OOM during training step 3 times in a row, aborting training", "RuntimeError", /GPU ran out of memory/],
  [
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.65 GiB of which 1.12 GiB is free.",
    "torch.OutOfMemoryError",
    /GPU ran out of memory/,
  ],
  [
    "DataLoader worker (pid 13068) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory. Please try to raise your shared memory limit.",
    "RuntimeError",
    /shared memory/,
  ],
  [
    "DataLoader worker (pid 4242) is killed by signal: Killed. ",
    "RuntimeError",
    /machine ran out of memory \(RAM\)/,
  ],
  [
    "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 9663676416 bytes. Error code 12 (Cannot allocate memory)",
    "RuntimeError",
    /machine ran out of memory \(RAM\)/,
  ],
  [
    `401 Client Error. (Request ID: Root=1-abc)\n\nCannot access gated repo for url ${HUB}/resolve/main/model_index.json.\nAccess to model black-forest-labs/FLUX.1-dev is restricted. You must have access to it and be authenticated to access it. Please log in.`,
    "huggingface_hub.errors.GatedRepoError",
    /gated/,
  ],
  [
    `403 Client Error. (Request ID: Root=1-abc)\n\nCannot access gated repo for url ${HUB}/resolve/main/model_index.json.\nAccess to model black-forest-labs/FLUX.1-dev is restricted and you are not in the authorized list. Visit ${HUB} to ask for access.`,
    "huggingface_hub.errors.GatedRepoError",
    /gated/,
  ],
  [
    `You are trying to access a gated repo.\nMake sure to have access to it at ${HUB}.\n401 Client Error.`,
    "OSError",
    /gated/,
  ],
  [
    "401 Client Error. (Request ID: Root=1-abc)\n\nRepository Not Found for url: https://huggingface.co/api/models/nobody/nothing.\nPlease make sure you specified the correct `repo_id` and `repo_type`.\nIf you are trying to access a private or gated repo, make sure you are authenticated.",
    "huggingface_hub.errors.RepositoryNotFoundError",
    /base model was not found/,
  ],
  [
    `401 Client Error: Unauthorized for url: ${HUB}\nInvalid user token.`,
    "huggingface_hub.errors.HfHubHTTPError",
    /token/,
  ],
  [
    "nobody/nothing is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'",
    "OSError",
    /base model was not found/,
  ],
  ["[Errno 2] No such file or directory: '/data/nope'", "FileNotFoundError", /file .* missing/],
  ["no images found in /data/empty", "AssertionError", /holds no file/],
  ["[Errno 28] No space left on device: '/data/output/x/optimizer.pt'", "OSError", /disk is full/],
  [
    "Error while serializing: I/O error: No space left on device (os error 28)",
    "safetensors_rust.SafetensorError",
    /disk is full/,
  ],
  ["[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0", "RuntimeError", /disk is full/],
  ["database or disk is full", "sqlite3.OperationalError", /disk is full/],
  ["Unknown optimizer type adamw9bit", "ValueError", /does not know the optimizer/],
  ["No module named 'lycoris.kohya'", "ModuleNotFoundError", /Python package is missing/],
  [
    "cannot import name 'EncoderDecoderCache' from 'transformers'",
    "ImportError",
    /Python package is missing/,
  ],
  ["database is locked", "sqlite3.OperationalError", /database was locked/],
  ["loss is nan", "ValueError", /NaN/],
  ["weight is nan", "AssertionError", /NaN/],
  ["DataLoader timed out after 60 seconds", "RuntimeError", /hung/],
  [
    "(MaxRetryError(\"HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded with url: /x (Caused by ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 403 Forbidden')))\"), '(Request ID: daac)')",
    "requests.exceptions.ProxyError",
    /proxy/,
  ],
  [
    "(MaxRetryError(\"HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded with url: /x (Caused by NameResolutionError(\\\"Failed to resolve 'huggingface.co' ([Errno -3] Temporary failure in name resolution)\\\"))\"), '(Request ID: daac)')",
    "requests.exceptions.ConnectionError",
    /could not reach Hugging Face/,
  ],
  ["[Errno -2] Name or service not known", "httpx.ConnectError", /could not reach Hugging Face/],
  [
    "An error occurred while downloading using `hf_transfer`. Consider disabling HF_HUB_ENABLE_HF_TRANSFER for better error handling.",
    "RuntimeError",
    /could not reach Hugging Face/,
  ],
  [
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate (_ssl.c:1006)",
    "httpx.ConnectError",
    /certificate/,
  ],
  [
    "Environment variable MY_TOKEN not set. Please ensure it's defined before proceeding.",
    "ValueError",
    /environment variable/,
  ],
  [
    "Couldn't instantiate the backend tokenizer from one of: \n(1) a `tokenizers` library serialization file, \n(2) a slow tokenizer instance to convert or \n(3) an equivalent slow tokenizer class to instantiate and convert. \nYou need to have sentencepiece or tiktoken installed to convert a slow tokenizer to a fast one.",
    "ValueError",
    /tokenizer/,
  ],
  [
    "tokenizers>=0.22.0,<=0.23.0 is required for a normal functioning of this module, but found tokenizers==0.19.1.",
    "ImportError",
    /tokenizer/,
  ],
  [
    "Error while deserializing header: MetadataIncompleteBuffer",
    "safetensors_rust.SafetensorError",
    /damaged/,
  ],
  [
    "Error while deserializing header: incomplete metadata, file not fully covered",
    "safetensors_rust.SafetensorError",
    /damaged/,
  ],
  [
    "PytorchStreamReader failed reading zip archive: failed finding central directory",
    "RuntimeError",
    /damaged/,
  ],
  [
    "cannot identify image file '/data/dataset/broken.jpg'",
    "PIL.UnidentifiedImageError",
    /picture .* damaged/,
  ],
  ["Missing control images for QwenImageEditPlusModel", "ValueError", /control images/],
  ["Torch not compiled with CUDA enabled", "AssertionError", /PyTorch cannot use the GPU/],
  [
    "CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be asynchronously reported at some other API call",
    "torch.AcceleratorError",
    /PyTorch cannot use the GPU/,
  ],
  [
    "CUDA error: an illegal memory access was encountered",
    "RuntimeError",
    /GPU or its driver failed.*illegal memory access/,
  ],
  [
    "config file is invalid. Unknown process type: diffusion_trainer",
    "ValueError",
    /does not accept the configuration/,
  ],
  ["EOF when reading a line", "EOFError", /keyboard/],
])("%s", (text, exception, reason) => {
  const cause = causeOf(cleanLines(failed(text, exception)), 1);
  expect(cause.reason).toMatch(reason);
  expect(cause.reason).toContain((text.split("\n")[0] ?? "").trimEnd().slice(0, 100));
  expect(cause.reason.length).toBeLessThan(450);
  expect(cause.hint.length).toBeGreaterThan(20);
});

test("an error that was dealt with before is not the cause", () => {
  const survived = `Traceback (most recent call last):
  File "/ai-toolkit/toolkit/data_loader.py", line 530, in __init__
PIL.UnidentifiedImageError: cannot identify image file '/data/dataset/broken.jpg'
Error processing image: /data/dataset/broken.jpg
################################################
# OOM during training step, skipping batch 1/3 #
################################################
`;
  const { reason } = causeOf(cleanLines(survived + failed("Unknown optimizer type x", "ValueError")), 1);
  expect(reason).toMatch(/does not know the optimizer/);
});

test("what led to the last error counts, when the message alone does not tell", () => {
  const first = `Traceback (most recent call last):
  File "/venv/lib/python3.11/site-packages/huggingface_hub/utils/_http.py", line 402, in hf_raise_for_status
huggingface_hub.errors.GatedRepoError: 403 Client Error.

The above exception was the direct cause of the following exception:

`;
  const { reason } = causeOf(cleanLines(failed("Something went wrong with the model", "OSError", first)), 1);
  expect(reason).toBe(
    "The base model is gated and this machine has no access to it: Something went wrong with the model",
  );
});

test("a worker that dies with the run does not blame the network", () => {
  const worker = `Traceback (most recent call last):
  File "/usr/lib/python3.11/multiprocessing/connection.py", line 395, in _recv
requests.exceptions.ConnectTimeout: ConnectTimeout
`;
  const { reason } = causeOf(cleanLines(`${failed("a new kind of trouble", "KeyError")}${worker}`), 1);
  expect(reason).toBe("a new kind of trouble");
});

test.each([
  [137, /signal 9.*RAM/],
  [139, /signal 11/],
  [null, /Lost/],
])("killed without a word (exit %s), it is not blamed on what it had overcome", (exitCode, reason) => {
  const overcome = [
    "'(MaxRetryError(HTTPSConnectionPool): Max retries exceeded)' thrown while requesting HEAD, retrying",
    "# OOM during training step, skipping batch 1/3 #",
    "PIL.UnidentifiedImageError: cannot identify image file",
  ];
  expect(causeOf(overcome, exitCode).reason).toMatch(reason);
});

test("the tools that a hint names are there", () => {
  const verbs = "get|list|check|validate|create|update|set|delete|start|stop|wait|restore";
  const named = CAUSES.flatMap(({ hint }) => hint.match(new RegExp(`\\b(?:${verbs})_[a-z_]+`, "g")) ?? []);
  expect(named.length).toBeGreaterThan(10);
  const tools = new Set<string>(TOOLS.map(({ name }) => name));
  expect(named.filter((name) => !tools.has(name))).toEqual([]);
});
