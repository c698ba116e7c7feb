// A server to upload to, and what tests of uploads ask of it again and again.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Json } from "./caller.ts";
import { picturePath, type Server, type Subject, subjectOf } from "./subject.ts";

export interface UploadPlace {
  readonly server: Server;
  readonly subject: Subject;
  readonly jpeg: Buffer;
  readonly png: Buffer;
  /** @returns the answer of create_upload_link */
  linkTo(dataset: string, more?: object): Promise<Json>;
  /** All of a data set, sorted. */
  filesOf(dataset: string): Promise<string[]>;
  /** Makes a link and uploads to it in one request. */
  send(
    dataset: string,
    body: Buffer,
    more?: object,
    init?: RequestInit,
  ): Promise<{ readonly status: number; readonly json: Json }>;
  /** Nothing of a refused upload, and nothing half done, may be anywhere. */
  leftovers(): Promise<string[]>;
}

export async function openUploadPlace(start: () => Promise<Server>): Promise<UploadPlace> {
  const server = await start();
  const subject = subjectOf(server);
  const linkTo = (dataset: string, more: object = {}) =>
    subject.call("create_upload_link", { name: dataset, ...more });
  return {
    server,
    subject,
    jpeg: await readFile(picturePath("img1.jpg")),
    png: await readFile(picturePath("img2.png")),
    linkTo,
    filesOf: async (dataset) =>
      (await readdir(join(subject.paths.datasets, dataset), { recursive: true })).sort(),
    async send(dataset, body, more = {}, init = {}) {
      const { url } = await linkTo(dataset, more);
      const response = await fetch(`${url}/x.bin`, { method: "PUT", body: new Uint8Array(body), ...init });
      return { status: response.status, json: (await response.json()) as Json };
    },
    leftovers: async () => [
      ...(await readdir(subject.paths.datasets)).filter((each) => each.startsWith(".")),
      ...(await readdir(subject.paths.staging, { recursive: true })).filter((each) =>
        /\/(body|form-)/.test(each),
      ),
    ],
  };
}
