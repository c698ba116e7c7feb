// Base64 as clients send it: with or without a `data:` prefix, padding and line breaks, and nothing else.
import { invalid } from "../../../shared/errors.ts";

const DATA_URL = /^\s*data:[^,]{0,200};base64,/i;

/** @throws ToolError invalid_input if the text is anything but base64, or empty */
export function decodeBase64(text: string): Buffer {
  const prefix = DATA_URL.exec(text.slice(0, 256))?.[0] ?? "";
  const payload = text.slice(prefix.length).replaceAll(/[ \t\r\n\f]+/g, "");
  if (payload === "") throw invalid("The image data is empty");
  const digits = payload.endsWith("==")
    ? payload.length - 2
    : payload.length - (payload.endsWith("=") ? 1 : 0);
  const padded = digits < payload.length;
  // Buffer.from skips what it does not know and would turn garbage into other garbage. A search for what must not be
  // there stays flat on 100 MB, where a match of the whole text runs out of stack.
  const alien = payload.slice(0, digits).search(/[^A-Za-z0-9+/]/);
  if (alien >= 0) {
    throw invalid(
      `The image data is not base64: ${JSON.stringify(payload[alien])} at position ${prefix.length + alien}`,
    );
  }
  if (padded ? payload.length % 4 !== 0 : digits % 4 === 1) {
    throw invalid("The image data is not base64: its length is wrong, a part of it is probably missing");
  }
  return Buffer.from(payload, "base64");
}
