import { expect, test } from "vitest";
import { didYouMean, nearest } from "./nearest.ts";

const words = ["steps", "batch_size", "gradient_checkpointing", "lr", "optimizer", "adamw8bit", "adamw"];

test.each([
  ["step", "steps"],
  ["bacth_size", "batch_size"],
  ["gradient_checkpoint", "gradient_checkpointing"],
  ["Optimiser", "optimizer"],
  ["adamw8bits", "adamw8bit"],
  ["rl", "lr"],
])("%s is meant as %s", (word, meant) => {
  expect(nearest(word, words)).toBe(meant);
});

test("a word that resembles none gets no guess", () => {
  expect(nearest("prompt_strength", words)).toBeUndefined();
  expect(nearest("x".repeat(100), words)).toBeUndefined();
  expect(didYouMean("zzz", words)).toBe("");
  expect(didYouMean("stesp", words)).toBe(" (did you mean 'steps'?)");
});
