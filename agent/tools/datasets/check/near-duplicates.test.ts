import { expect, test } from "vitest";
import { alike } from "./near-duplicates.ts";

const never = new AbortController().signal;
const look = (hash: bigint, mean = "808080") => `${hash.toString(16).padStart(16, "0")}${mean}`;

test.each([
  [0n, true],
  [0b1n, true],
  [0b111111n, true],
  [0x8000000080000000n, true],
  [0x0101010101010000n, true],
  [0x01010101010101n, false],
  [0b1111111n, false],
])("a hash that differs in the bits %d is near: %s", async (bits, isNear) => {
  const hash = 0x0123456789abcdefn;
  const pictures = [
    { path: "b", look: look(hash ^ bits) },
    { path: "a", look: look(hash) },
  ];
  expect(await alike(pictures, never)).toEqual(isNear ? [["a", "b"]] : []);
});

test.each([0, 1, 2, 3, 4, 5, 6])(
  "hashes are near of which only the nine bits from %i × 9 on are the same",
  async (part) => {
    const hash = 0x0123456789abcdefn;
    const bits = [0n, 1n, 2n, 3n, 4n, 5n, 6n].filter((each) => each !== BigInt(part));
    const other = bits.reduce((changed, each) => changed ^ (1n << (each * 9n + 4n)), hash);
    const pictures = [hash, other].map((each, index) => ({ path: String(index), look: look(each) }));
    expect(await alike(pictures, never)).toEqual([["0", "1"]]);
  },
);

test("plain surfaces are told apart by their colour", async () => {
  const pictures = Object.entries({ red: "c80000", "red too": "c40410", blue: "0000c8" });
  expect(
    await alike(
      pictures.map(([path, mean]) => ({ path, look: look(0n, mean) })),
      never,
    ),
  ).toEqual([["red", "red too"]]);
});

test("groups grow along their members", async () => {
  const paths = ["a", "b", "c", "d"];
  const pictures = paths.map((path, index) => ({ path, look: look((1n << BigInt(index * 6)) - 1n) }));
  expect(await alike([...pictures, { path: "e", look: look(-1n & 0xffffffffffffffffn) }], never)).toEqual([
    paths,
  ]);
});

test("what is found is what comparing every one with every other finds", async () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((seed / 2 ** 31) * below);
  };
  const originals = Array.from({ length: 40 }, () => ({
    hash: (BigInt(random(2 ** 30)) << 34n) | BigInt(random(2 ** 30)),
    mean: [random(256), random(256), random(256)],
  }));
  const pictures = Array.from({ length: 800 }, (_, index) => {
    const { hash, mean } = originals[random(originals.length)] ?? { hash: 0n, mean: [] };
    let copy = hash;
    for (let changed = random(6); changed > 0; changed--) copy ^= 1n << BigInt(random(64));
    const channels = mean.map((value) => Math.min(255, value + random(14)));
    return {
      path: String(index).padStart(3, "0"),
      look: look(copy, channels.map((value) => value.toString(16).padStart(2, "0")).join("")),
    };
  });
  const isNear = (a: string, b: string) => {
    let bits = BigInt(`0x${a.slice(0, 16)}`) ^ BigInt(`0x${b.slice(0, 16)}`);
    let distance = 0;
    for (; bits > 0n; bits &= bits - 1n) distance++;
    const channel = (text: string, at: number) => Number.parseInt(text.slice(at, at + 2), 16);
    return distance <= 6 && [16, 18, 20].every((at) => Math.abs(channel(a, at) - channel(b, at)) <= 16);
  };
  const group = new Map(pictures.map(({ path }) => [path, new Set([path])]));
  for (const a of pictures)
    for (const b of pictures) {
      const [ofA, ofB] = [group.get(a.path), group.get(b.path)];
      if (!ofA || !ofB || ofA === ofB || !isNear(a.look, b.look)) continue;
      for (const path of ofB) group.set(path, ofA.add(path));
    }
  const expected = [...new Set(group.values())]
    .filter(({ size }) => size > 1)
    .map((each) => [...each].sort());
  expect(expected.length).toBeGreaterThan(30);
  expect((await alike(pictures, never)).sort()).toEqual(expected.sort());
});

test("comparing very many stops when the call is cancelled", async () => {
  const pictures = Array.from({ length: 3_000 }, (_, index) => ({
    path: String(index),
    look: look(BigInt(index) << 40n),
  }));
  await expect(alike(pictures, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
});
