// What `ws` reads comes in pieces of 64 KiB, of which it copies large messages together. Here the pieces are given back
// once they were copied (one-use.ts says why).
import { free, oneUse } from "./one-use.ts";

interface Messages {
  on(event: "message", listener: (data: unknown, isBinary: boolean) => void): unknown;
  on(event: "ping", listener: (data: Uint8Array) => void): unknown;
}

interface Pieces {
  on(event: "data", listener: (piece: Uint8Array) => void): unknown;
}

/**
 * When a message is whole, all pieces before the one in which it ended have been copied. Small messages are not: they are
 * views of their piece, which then stays; as does that of a ping, for its pong is a view of it, too.
 * @param socket that of the WebSocket, which is open: `ws` has to see each piece before it comes here
 */
export function freeReads(websocket: Messages, socket: Pieces): void {
  const viewed = new WeakSet<ArrayBufferLike>();
  let pieces: Uint8Array[] = [];
  websocket.on("message", (data, isBinary) => {
    if (!(data instanceof Uint8Array)) return;
    viewed.add(data.buffer);
    if (isBinary) oneUse(data);
    for (const piece of pieces) if (!viewed.has(piece.buffer)) free(piece);
    pieces = [];
  });
  websocket.on("ping", ({ buffer }) => void viewed.add(buffer));
  socket.on("data", (piece) => {
    if (!viewed.has(piece.buffer)) pieces.push(oneUse(piece));
  });
}
