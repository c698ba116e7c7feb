// A small data set for the demo, drawn on the spot: a lighthouse in twelve kinds of weather.
import sharp from "sharp";

export interface Picture {
  readonly filename: string;
  /** Base64 JPEG. */
  readonly data: string;
  readonly caption: string;
}

const SKIES = ["dawn", "noon", "dusk", "night"] as const;
const SEAS = ["calm", "choppy", "stormy"] as const;
const SKY_COLOURS: Readonly<Record<(typeof SKIES)[number], string>> = {
  dawn: "#f6b38a",
  noon: "#8ec9f2",
  dusk: "#b5739d",
  night: "#1b2440",
};
const SIDE = 512;

function drawing(sky: (typeof SKIES)[number], sea: (typeof SEAS)[number]): string {
  const swell = 6 + SEAS.indexOf(sea) * 18;
  const waves = Array.from(
    { length: 9 },
    (_, n) => `Q ${n * 64 + 32} ${380 - swell * (n % 2 ? -1 : 1)} ${n * 64 + 64} 380`,
  );
  const lamp = sky === "noon" ? "#fff6c9" : "#ffe680";
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${SIDE}" height="${SIDE}">
    <rect width="100%" height="100%" fill="${SKY_COLOURS[sky]}"/>
    <circle cx="400" cy="110" r="46" fill="${sky === "night" ? "#e8ecf7" : "#ffdf6b"}" opacity="0.9"/>
    <path d="M 256 180 L 0 90 L 0 150 Z M 256 180 L 512 90 L 512 150 Z" fill="${lamp}" opacity="0.35"/>
    <path d="M 226 400 L 240 190 L 272 190 L 286 400 Z" fill="#f5f1ea"/>
    <path d="M 232 330 L 280 330 L 283 370 L 229 370 Z M 237 250 L 275 250 L 278 290 L 234 290 Z" fill="#c8402f"/>
    <rect x="236" y="164" width="40" height="26" fill="${lamp}"/><path d="M 230 164 L 256 138 L 282 164 Z" fill="#c8402f"/>
    <path d="M 0 380 ${waves.join(" ")} L 512 512 L 0 512 Z" fill="#27506e"/>
  </svg>`;
}

export async function lighthouses(): Promise<Picture[]> {
  const scenes = SKIES.flatMap((sky) => SEAS.map((sea) => ({ sky, sea })));
  return Promise.all(
    scenes.map(async ({ sky, sea }) => ({
      filename: `lighthouse_${sky}_${sea}.jpg`,
      data: (
        await sharp(Buffer.from(drawing(sky, sea)))
          .jpeg({ quality: 88 })
          .toBuffer()
      ).toString("base64"),
      caption: `l1ghthouse, a lighthouse at ${sky} over a ${sea} sea`,
    })),
  );
}
