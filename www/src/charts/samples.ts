/** Small histories and plain colours that the tests share. */

import { readFileSync } from "node:fs";
import { ACTIONS, type History } from "./contract";
import { paletteFrom, type Palette } from "./palette";

export const NOW = Date.UTC(2026, 0, 1);

/** Events by action and age in milliseconds, in the order given; categories go round. */
export function historyOf(events: readonly [action: (typeof ACTIONS)[number], age: number][]): History {
    return {
        now: NOW,
        time: Float64Array.from(events, ([, age]) => NOW - age),
        action: Uint8Array.from(events, ([action]) => ACTIONS.indexOf(action)),
        category: Uint32Array.from(events, (_, event) => event % 3),
        categories: ["drama", "comedy"],
        title: (event) => `item ${event}`,
        simulated: false,
    };
}

/** The page's own colours, as the style sheet has them. */
export function paletteOf(theme: "light" | "dark"): Palette {
    const sheet = readFileSync(new URL("../app.css", import.meta.url), "utf8");
    const rule = theme === "light" ? /:root \{([^}]*)\}/ : /:root\[data-theme="dark"\] \{([^}]*)\}/;
    const body = rule.exec(sheet)?.[1];
    if (body === undefined) throw new Error(`app.css has no colours for the ${theme} theme`);
    const properties = new Map([...body.matchAll(/(--[\w-]+):\s*([^;]+);/g)].map((found) => [found[1]!, found[2]!]));
    return paletteFrom((name) => properties.get(name) ?? "", "sans-serif");
}
