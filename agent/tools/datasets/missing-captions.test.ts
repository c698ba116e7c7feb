import { expect, test } from "vitest";
import { missingCaptionsText } from "./missing-captions.ts";

test("D26: the missing captions are printed as Rust prints a list", () => {
  expect(missingCaptionsText([])).toBe("[]");
  expect(missingCaptionsText(["a.png", "b.png"])).toBe('["a.png", "b.png"]');
  expect(missingCaptionsText(['q"\\\n\u0007é.png'])).toBe('["q\\"\\\\\\n\\u{7}é.png"]');
});

test("above ten, the first ten and how many there are", () => {
  const files = Array.from({ length: 12 }, (_, index) => `${index}.png`);
  expect(missingCaptionsText(files.slice(0, 10))).not.toContain("images missing");
  expect(missingCaptionsText(files)).toBe(
    '12 images missing captions (showing first 10): ["0.png", "1.png", "2.png", "3.png", "4.png", "5.png", "6.png", "7.png", "8.png", "9.png"]',
  );
});
