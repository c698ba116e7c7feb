// Contracts of the tools that give out links to files, and of the call by which the router asks for one.
import * as v from "valibot";
import { defineTool } from "../contract.ts";
import { Bytes, Count, Name, OneOf, output, Text, Time } from "../fields.ts";
import { TRANSFER } from "../protocol.ts";

export const DOWNLOAD_KINDS = ["model", "samples", "dataset", "log", "config"] as const;
export const UPLOAD_KINDS = ["dataset", "control", "sample_image"] as const;
/** What an upload does where there is something already. */
export const CONFLICTS = ["refuse", "append", "replace"] as const;

const LIVES_MAX_MINUTES = 7 * 24 * 60;
const Minutes = v.optional(Count("How long the link works, in minutes", 1, LIVES_MAX_MINUTES), 24 * 60);
const LinkId = v.pipe(v.string(), v.description("Names the link for revoke_link; no secret"));

export const createDownloadLink = defineTool({
  name: "create_download_link",
  title: "Link to download a file",
  description:
    "A link for a browser or curl to a model, a run's samples (zip), a dataset (zip), a log or a config: files never pass through the chat. Whoever has the link can download, until it expires. Give the user the URL or the curl line.",
  scope: "read",
  effect: "write",
  input: v.object({
    kind: OneOf(DOWNLOAD_KINDS, "What to download"),
    name: Name("Name of the model, dataset or config; for samples and log the job_id"),
    expires_minutes: Minutes,
  }),
  output: output({
    link_id: LinkId,
    url: v.string(),
    /** Goes on where it stopped when it is run again. */
    curl: v.string(),
    file_name: v.string(),
    size: Bytes,
    /** null: not known yet, or made while it is sent. */
    sha256: v.nullable(v.string()),
    expires_at: Time,
  }),
});

export const createUploadLink = defineTool({
  name: "create_upload_link",
  title: "Link to upload a dataset",
  description:
    "A link to upload a dataset (zip, tar, tar.gz, or images and captions), its control images, or an image for sample prompts. In a browser it is a page for drag and drop, also on a phone; else use a curl line, with the name of the user's file. Nothing passes through the chat. Afterwards check_dataset looks at what came.",
  scope: "train",
  effect: "write",
  input: v.object({
    kind: v.optional(
      OneOf(UPLOAD_KINDS, "dataset; control: images named like those of the dataset; sample_image"),
      "dataset",
    ),
    name: Name("Name of the dataset; for sample_image of the folder that takes the image"),
    on_conflict: v.optional(
      OneOf(
        CONFLICTS,
        "When the dataset exists: refuse the upload, append new files, or replace it (the old one goes to the trash)",
      ),
      "refuse",
    ),
    expires_minutes: Minutes,
  }),
  output: output({
    link_id: LinkId,
    /** A page in a browser. */
    url: v.string(),
    /** Of one archive; run where it lies. */
    curl: v.string(),
    /** Of the folder that it is run in. */
    curl_folder: v.string(),
    /** In parts, for large archives and bad lines: run again, it goes on where it stopped. */
    curl_resume: v.string(),
    /** The dataset that the files will make. */
    dataset: v.string(),
    path: v.string(),
    expires_at: Time,
  }),
});

export const revokeLink = defineTool({
  name: "revoke_link",
  title: "Revoke a link",
  description: "End an upload or download link before it expires. Without link_id: list the links that work.",
  scope: "train",
  effect: "replace",
  input: v.object({ link_id: v.optional(Text("Which link", 100)) }),
  output: output({
    revoked: v.nullable(v.string()),
    links: v.array(v.object({ link_id: v.string(), what: v.string(), created_at: Time, expires_at: Time })),
  }),
});

export const transferTools = [createUploadLink, createDownloadLink, revokeLink] as const;

const Headers = v.pipe(
  v.array(v.tuple([v.pipe(v.string(), v.maxLength(100)), v.pipe(v.string(), v.maxLength(8_000))])),
  v.maxLength(50),
);

/** Router to agent: an HTTP request for a file has come. Short answers come back at once, others on a socket of their own. */
export const fileRequest = defineTool({
  name: "file_request",
  title: "File request",
  description: "An HTTP request that a link of this machine is for.",
  scope: "admin",
  effect: "write",
  input: v.object({
    /** The socket's one-time id, if there has to be one. */
    transfer: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{20,100}$/))),
    /** Bytes that may be under way on it, each way, if not TRANSFER.windowBytes. */
    window: v.optional(
      v.pipe(v.number(), v.integer(), v.minValue(TRANSFER.chunkBytes), v.maxValue(TRANSFER.windowBytes)),
    ),
    method: v.picklist(["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"]),
    /** `/files/…` */
    path: v.pipe(v.string(), v.maxLength(4_000)),
    headers: Headers,
    /** Only say whether the link works: it may take a while until the transfer's turn comes. */
    check: v.optional(v.boolean(), false),
  }),
  output: v.object({
    /** Absent: the agent dials, or the link is good. */
    answer: v.optional(v.object({ status: v.number(), headers: Headers, body: v.string() })),
  }),
});
