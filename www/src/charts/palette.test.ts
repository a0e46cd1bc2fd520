import { describe, expect, test } from "vitest";
import { contrast, leastDistance } from "./colour-vision";
import { faint, paletteFrom } from "./palette";
import { paletteOf } from "./samples";

/** Of marks against the surface they lie on: WCAG 2.2, success criterion 1.4.11. */
const MARK = 3;
/** Of text: 1.4.3. */
const TEXT = 4.5;
/** In Oklab; black and white are 1 apart. */
const APART = 0.1;

describe.each(["light", "dark"] as const)("the %s theme", (theme) => {
    const palette = paletteOf(theme);

    test("has text that can be read", () => {
        for (const colour of [palette.text, palette.text2, palette.plus, palette.minus]) {
            expect(contrast(colour, palette.surface), colour).toBeGreaterThanOrEqual(TEXT);
        }
    });

    test("has marks that can be seen", () => {
        for (const colour of [palette.accent, palette.lineStrong, ...palette.actions, ...palette.heads]) {
            expect(contrast(colour, palette.surface), colour).toBeGreaterThanOrEqual(MARK);
        }
    });

    test("keeps actions, the first heads, and signs apart for every kind of colour vision", () => {
        for (const group of [palette.actions, palette.heads.slice(0, 4), [palette.plus, palette.minus]]) {
            for (const [i, colour] of group.entries()) {
                for (const other of group.slice(0, i)) expect(leastDistance(colour, other), `${colour} ${other}`).toBeGreaterThan(APART);
            }
        }
    });
});

test("colours that look alike without red receptors are found", () => {
    expect(leastDistance("#00aa00", "#aa8800")).toBeLessThan(APART);
    expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 9);
});

test("a colour that the style sheet lacks or writes otherwise is named", () => {
    expect(() => paletteFrom((name) => (name === "--accent" ? "red" : "#000000"), "x")).toThrow('--accent as #rrggbb; the style sheet has "red"');
});

test("opacity goes to rgba", () => {
    expect(faint("#5191fa", 0.5)).toBe("rgba(81,145,250,0.5)");
});
