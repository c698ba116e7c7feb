// What pax keeps in front of an entry: records of "LENGTH KEY=VALUE\n", the length in bytes and of all of it.
import { refused } from "./intake.ts";

/** Without those that say nothing. @throws ToolError when they are damaged */
export function paxRecords(content: Buffer): ReadonlyMap<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let start = 0; start < content.length; ) {
    const blank = content.indexOf(" ", start);
    const length = Number(/^[1-9]\d{0,6}$/.exec(content.toString("latin1", start, blank))?.[0]);
    const end = start + length - 1;
    const equals = content.indexOf("=", blank);
    if (Number.isNaN(length) || content[end] !== 0x0a || equals < 0 || equals > end)
      throw refused("it is damaged: there is a header in it that nobody can read");
    const value = content.subarray(equals + 1, end);
    if (value.length > 0) records.set(content.toString("utf8", blank + 1, equals), value);
    start = end + 1;
  }
  return records;
}
