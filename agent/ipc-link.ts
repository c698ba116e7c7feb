// A child process, or the parent of this one, as a Link.
import type { ChildProcess } from "node:child_process";
import type { Closed, Link } from "../shared/link.ts";
import { CLOSE, FRAME_BYTES_MAX_IN_PROCESS } from "../shared/protocol.ts";

/** What a ChildProcess with a channel and `process` have in common. */
export type Channel = Pick<ChildProcess, "send" | "connected" | "on" | "disconnect">;

export function ipcLink(channel: Channel): Link {
  let closed: Closed = { code: CLOSE.going_away, reason: "the process has ended" };
  return {
    frameBytesMax: FRAME_BYTES_MAX_IN_PROCESS,
    waitingBytes: 0, // nobody can tell
    send(text) {
      // What does not arrive is answered by the end of the channel, which follows.
      if (channel.connected) channel.send(text, () => {});
    },
    close(code = CLOSE.normal, reason = "closed") {
      closed = { code, reason };
      if (channel.connected) channel.disconnect();
    },
    onMessage: (listener) => void channel.on("message", (message) => listener(String(message))),
    onClose: (listener) => void channel.on("disconnect", () => listener(closed)),
  };
}
