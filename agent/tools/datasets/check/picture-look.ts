// What a picture looks like in a few bytes: its difference hash and its mean colour. Two files of one picture, scaled or
// compressed differently, look alike; two pictures hardly ever do.

/** The size a picture is shrunk to, in pixels of three bytes. */
export const LOOK_WIDTH = 9;
export const LOOK_HEIGHT = 8;

/** Differences of brightness below this are noise: a plain surface shall hash to zeros. */
const NOISE = 2;

/** 16 hexadecimal digits of hash, one bit for each two neighbours in a row, and 6 of mean colour. */
export function lookOf(rgb: Uint8Array): string {
  const gray = (pixel: number) =>
    0.299 * (rgb[pixel * 3] ?? 0) + 0.587 * (rgb[pixel * 3 + 1] ?? 0) + 0.114 * (rgb[pixel * 3 + 2] ?? 0);
  let hash = "";
  for (let row = 0; row < LOOK_HEIGHT; row++) {
    let bits = 0;
    for (let column = 0; column < LOOK_WIDTH - 1; column++) {
      const pixel = row * LOOK_WIDTH + column;
      bits = bits * 2 + (gray(pixel) > gray(pixel + 1) + NOISE ? 1 : 0);
    }
    hash += bits.toString(16).padStart(2, "0");
  }
  const pixels = LOOK_WIDTH * LOOK_HEIGHT;
  const mean = [0, 1, 2].map((channel) => {
    let sum = 0;
    for (let pixel = 0; pixel < pixels; pixel++) sum += rgb[pixel * 3 + channel] ?? 0;
    return Math.round(sum / pixels);
  });
  return hash + mean.map((value) => value.toString(16).padStart(2, "0")).join("");
}
