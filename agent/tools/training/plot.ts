// A run's loss as a small picture: every figure faint, the smoothed line bold. Drawn without text: fonts differ from
// machine to machine, and the figures stand in the text beside it.
import { type Point, smooth } from "./metrics.ts";

const WIDTH = 720;
const HEIGHT = 320;
const MARGIN = 16;
const SMOOTHING = 0.9;
const GRID_LINES = 4;

/** What is drawn, for the text beside it. */
export interface Plot {
  readonly png: Buffer;
  readonly steps: readonly [number, number];
  /** Lower and upper edge; single peaks above it are cut. */
  readonly losses: readonly [number, number];
}

/** The value below which `share` of the ordered values lie. */
function quantile(ordered: readonly number[], share: number): number {
  return ordered[Math.min(ordered.length - 1, Math.floor(share * ordered.length))] ?? 0;
}

/** Undefined for less than two points: that is no curve. */
export async function plotLoss(points: readonly Point[]): Promise<Plot | undefined> {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || first.step === last.step) return undefined;
  const ordered = points.map(({ value }) => value).sort((a, b) => a - b);
  const low = ordered[0] ?? 0;
  // One loss ten times as high as all others would press the curve flat.
  const high = Math.max(quantile(ordered, 0.99), low + Number.EPSILON);
  const x = (step: number) =>
    MARGIN + ((step - first.step) / (last.step - first.step)) * (WIDTH - 2 * MARGIN);
  const y = (value: number) =>
    HEIGHT - MARGIN - ((Math.min(value, high) - low) / (high - low)) * (HEIGHT - 2 * MARGIN);
  const path = (line: readonly Point[]) =>
    line
      .map(({ step, value }, at) => `${at === 0 ? "M" : "L"}${x(step).toFixed(1)} ${y(value).toFixed(1)}`)
      .join("");
  const grid = Array.from(
    { length: GRID_LINES + 1 },
    (_, line) => MARGIN + (line * (HEIGHT - 2 * MARGIN)) / GRID_LINES,
  );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}">
    <rect width="100%" height="100%" fill="#16181d"/>
    ${grid.map((at) => `<line x1="${MARGIN}" x2="${WIDTH - MARGIN}" y1="${at}" y2="${at}" stroke="#2b2f38"/>`).join("")}
    <path d="${path(points)}" fill="none" stroke="#5fa8d3" stroke-width="1" opacity="0.45"/>
    <path d="${path(smooth(points, SMOOTHING))}" fill="none" stroke="#ffb454" stroke-width="2.5"/>
  </svg>`;
  const { default: sharp } = await import("sharp");
  const png = await sharp(Buffer.from(svg)).png({ palette: true }).toBuffer();
  return { png, steps: [first.step, last.step], losses: [low, high] };
}
