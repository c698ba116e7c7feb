// The samples of a rehearsal: for every prompt and seed a landscape of its own, which clears up as the steps go by.
// Drawn by hand and without fonts, so that it looks the same on every machine.
import { hash, randomFrom } from "./random.ts";

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** RGB, or RGBA for a label. */
  readonly channels: 3 | 4;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Drawn this small and scaled up: quick to make, and the noise gets the soft grain of a half-done sample. */
const LONGEST_SIDE = 256;
const HILLS = 4;

export interface Scene {
  readonly prompt: string;
  readonly seed: number;
  /** 0: nothing but noise … 1: clear. */
  readonly clarity: number;
  readonly width: number;
  readonly height: number;
}

export function drawScene(scene: Scene): Picture {
  const { prompt, seed, clarity } = scene;
  const scale = Math.min(1, LONGEST_SIDE / Math.max(scene.width, scene.height));
  const width = Math.max(8, Math.round(scene.width * scale));
  const height = Math.max(8, Math.round(scene.height * scale));
  const random = randomFrom(hash(`${prompt} ${seed}`));
  const hue = random();
  const horizon = 0.45 + 0.15 * random();
  const sun = { x: 0.15 + 0.7 * random(), y: 0.12 + 0.25 * random(), radius: 0.05 + 0.07 * random() };
  const zenith = toRgb(hue, 0.55, 0.4);
  const haze = toRgb(hue + 0.12, 0.75, 0.82);
  const light = toRgb(hue + 0.16, 0.9, 0.93);
  const hills = Array.from({ length: HILLS }, (_, index) => ({
    colour: toRgb(hue + 0.5 + 0.05 * index, 0.35, 0.5 - 0.1 * index),
    ridge: drawRidge(horizon + (index * (1 - horizon)) / HILLS, width, random),
  }));
  const grain = randomFrom(hash(`grain ${seed} ${clarity}`));

  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const y = row / height;
    for (let column = 0; column < width; column++) {
      const distance = Math.hypot(((column / width - sun.x) * width) / height, y - sun.y);
      const glow = Math.min(1, (sun.radius / Math.max(distance, 1e-6)) ** 2);
      let colour = mix(mix(zenith, haze, Math.min(1, y / horizon)), light, glow);
      for (const hill of hills) {
        const covered = (y - (hill.ridge[column] ?? 0)) * height + 0.5; // soft over one pixel
        if (covered > 0) colour = mix(colour, mix(hill.colour, haze, 0.25 * glow), Math.min(1, covered));
      }
      for (let channel = 0; channel < 3; channel++) {
        const noise = 90 + 90 * (grain() + grain() - 1);
        data[(row * width + column) * 3 + channel] = (colour[channel] ?? 0) * clarity + noise * (1 - clarity);
      }
    }
  }
  return { width, height, channels: 3, data };
}

/** Height of a hill's edge in each column, 0 at the top of the picture. */
function drawRidge(base: number, width: number, random: () => number): readonly number[] {
  const waves = [1, 2, 3].map((octave) => ({
    height: (0.09 / octave) * (0.5 + random()),
    turns: octave * (1.5 + 3 * random()),
    shift: random() * 2 * Math.PI,
  }));
  return Array.from({ length: width }, (_, column) =>
    waves.reduce(
      (y, { height, turns, shift }) => y - height * Math.sin((turns * Math.PI * column) / width + shift),
      base,
    ),
  );
}

type Rgb = readonly [number, number, number];

const mix = (a: Rgb, b: Rgb, share: number): Rgb => [
  a[0] + (b[0] - a[0]) * share,
  a[1] + (b[1] - a[1]) * share,
  a[2] + (b[2] - a[2]) * share,
];

/** Hue in turns, saturation and lightness 0 … 1. */
function toRgb(hue: number, saturation: number, lightness: number): Rgb {
  const reach = saturation * Math.min(lightness, 1 - lightness);
  const channel = (offset: number) => {
    const place = (offset + hue * 12) % 12;
    return 255 * (lightness - reach * Math.max(-1, Math.min(place - 3, 9 - place, 1)));
  };
  return [channel(0), channel(8), channel(4)];
}

/** 3×5 dots each, one octal digit a row. */
const GLYPHS: Readonly<Record<string, string>> = {
  "0": "75557",
  "1": "26227",
  "2": "71747",
  "3": "71717",
  "4": "55711",
  "5": "74717",
  "6": "74757",
  "7": "71111",
  "8": "75757",
  "9": "75717",
  A: "25755",
  E: "74647",
  H: "55755",
  L: "44447",
  P: "75744",
  R: "65655",
  S: "34216",
  T: "72222",
};

/** White dots on a dark, see-through ground; a line of nine letters fits on the smallest sample there is. */
export function drawLabel(lines: readonly string[], imageWidth: number): Picture {
  const columns = Math.max(...lines.map((line) => line.length)) * 4 + 1;
  const dot = Math.max(1, Math.min(4, Math.floor(imageWidth / columns / 2)));
  const width = columns * dot;
  const height = (lines.length * 6 + 1) * dot;
  const data = new Uint8Array(width * height * 4);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / dot) - 1;
    for (let x = 0; x < width; x++) {
      const column = Math.floor(x / dot) - 1;
      const letter = lines[Math.floor(row / 6)]?.[Math.floor(column / 4)] ?? "";
      const bits = Number(GLYPHS[letter]?.[row % 6] ?? 0);
      const isLit = column % 4 < 3 && ((bits >> (2 - (column % 4))) & 1) === 1;
      data.set(isLit ? [255, 255, 255, 255] : [0, 0, 0, 110], (y * width + x) * 4);
    }
  }
  return { width, height, channels: 4, data };
}
