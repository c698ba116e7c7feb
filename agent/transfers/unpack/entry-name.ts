// The names of files in archives, which say it in no one encoding: Info-ZIP, macOS and tar write what the disk has.
import { isUtf8 } from "node:buffer";

/** @param others what is no UTF-8: a different text for different bytes */
export const entryName = (bytes: Buffer, others: (bytes: Buffer) => string): string =>
  isUtf8(bytes) ? bytes.toString("utf8") : others(bytes);

/** Of code page 437, what stands behind ASCII: zip's own encoding (APPNOTE.TXT, appendix D). */
const HIGH =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

export const fromCp437 = (bytes: Buffer): string =>
  bytes.toString("latin1").replace(/[\x80-\xff]/g, (letter) => HIGH.charAt(letter.charCodeAt(0) - 0x80));

export const fromLatin1 = (bytes: Buffer): string => bytes.toString("latin1");
