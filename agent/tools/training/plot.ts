// A run's loss as a small picture: every figure faint, the smoothed line bold. Drawn without text: fonts differ from
// machine to machine, and the figures stand in the text beside it.
import { onPicture } from "../../pictures/on-picture.ts";
import { type Point, smooth } from "./curve.ts";

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

/** Told apart also by those who see few colours (Okabe and Ito), on a dark ground. */
export const COLOURS = [
  ["orange", "#e69f00"],
  ["sky blue", "#56b4e9"],
  ["green", "#009e73"],
  ["yellow", "#f0e442"],
  ["red", "#d55e00"],
  ["pink", "#cc79a7"],
] as const;

interface Line {
  readonly points: readonly Point[];
  readonly colour: string;
  readonly width: number;
  readonly opacity?: number;
}

/** `scaled` says which points must all be seen. Undefined for less than two of them: that is no curve. */
async function draw(lines: readonly Line[], scaled: readonly Point[]): Promise<Plot | undefined> {
  const steps = scaled.map(({ step }) => step).sort((a, b) => a - b);
  const [first, last] = [steps[0], steps.at(-1)];
  if (first === undefined || last === undefined || first === last) return undefined;
  const ordered = scaled.map(({ value }) => value).sort((a, b) => a - b);
  const low = ordered[0] ?? 0;
  // One loss ten times as high as all others would press the curve flat.
  const high = Math.max(quantile(ordered, 0.99), low + Number.EPSILON);
  const x = (step: number) => MARGIN + ((step - first) / (last - first)) * (WIDTH - 2 * MARGIN);
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
    ${lines.map(({ points, colour, width, opacity = 1 }) => `<path d="${path(points)}" fill="none" stroke="${colour}" stroke-width="${width}" opacity="${opacity}"/>`).join("")}
  </svg>`;
  const { default: sharp } = await import("sharp");
  const png = await onPicture(() => sharp(Buffer.from(svg)).png({ palette: true }).toBuffer());
  return { png, steps: [first, last], losses: [low, high] };
}

/** Undefined for less than two points: that is no curve. */
export function plotLoss(points: readonly Point[]): Promise<Plot | undefined> {
  const lines = [
    { points, colour: "#5fa8d3", width: 1, opacity: 0.45 },
    { points: smooth(points, SMOOTHING), colour: "#ffb454", width: 2.5 },
  ];
  return draw(lines, points);
}

/** Several smoothed curves, in the order of COLOURS. Undefined when none has two points. */
export function plotCurves(curves: readonly (readonly Point[])[]): Promise<Plot | undefined> {
  const lines = curves.map((points, index) => ({
    points,
    colour: COLOURS[index % COLOURS.length]?.[1] ?? "white",
    width: 2.5,
  }));
  return draw(lines, curves.flat());
}
