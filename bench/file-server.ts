// What Node itself does with a file: the measure of downloads.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";

const [file = ""] = process.argv.slice(2);
const { size } = await stat(file);
const server = createServer((_request, response) => {
  response.writeHead(200, { "content-length": size });
  // A client that leaves is its own affair.
  pipeline(createReadStream(file, { highWaterMark: 256 * 1024 }), response).catch(() => {});
});
server.listen(0, "127.0.0.1", () => {
  console.error(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
});
