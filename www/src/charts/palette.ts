/** The page's colours as charts need them: numbers, not style sheets. Read anew when the theme changes. */

import { createSubscriber } from "svelte/reactivity";
import { ACTIONS } from "./contract";

export interface Palette {
    surface: string;
    surface2: string;
    text: string;
    text2: string;
    line: string;
    lineStrong: string;
    accent: string;
    plus: string;
    minus: string;
    /** By action code. */
    actions: readonly string[];
    /** By head; heads beyond eight begin again. */
    heads: readonly string[];
    /** The page's font. */
    font: string;
}

const HEADS = 8;

const subscribe = createSubscriber((update) => {
    const observer = new MutationObserver(update);
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme", "style", "class"] });
    return () => observer.disconnect();
});

/** The palette of the theme that is shown; read within an effect, it runs the effect again when the theme changes. */
export function palette(): Palette {
    subscribe();
    const root = getComputedStyle(document.documentElement);
    return paletteFrom((name) => root.getPropertyValue(name), getComputedStyle(document.body).fontFamily);
}

export function paletteFrom(property: (name: string) => string, font: string): Palette {
    const colour = (name: string): string => {
        // A built style sheet shortens #ffffff to #fff.
        const value = property(name).trim().replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3");
        if (!/^#[0-9a-f]{6}$/i.test(value)) throw new Error(`charts need ${name} as #rrggbb; the style sheet has "${value}"`);
        return value;
    };
    return {
        surface: colour("--surface"),
        surface2: colour("--surface-2"),
        text: colour("--text"),
        text2: colour("--text-2"),
        line: colour("--line"),
        lineStrong: colour("--line-strong"),
        accent: colour("--accent"),
        plus: colour("--plus"),
        minus: colour("--minus"),
        actions: ACTIONS.map((action) => colour(`--${action}`)),
        heads: Array.from({ length: HEADS }, (_, head) => colour(`--head-${head + 1}`)),
        font,
    };
}

/** `#rrggbb` with an opacity of 0 to 1. */
export function faint(colour: string, opacity: number): string {
    const channel = (at: number) => parseInt(colour.slice(at, at + 2), 16);
    return `rgba(${channel(1)},${channel(3)},${channel(5)},${Math.round(opacity * 1000) / 1000})`;
}
