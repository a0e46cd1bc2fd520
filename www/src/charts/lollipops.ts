/** Attention weights as stems on a time axis: the taller, larger and stronger, the more weight. */

import { circle, line, pixelOf, type Box } from "./scene";
import type { Mark } from "./echarts";
import { faint } from "./palette";
import type { Weighed } from "./weights";

/** A strip of the picture, in pixels from the top of its grid. */
export interface Strip {
    y: number;
    height: number;
}

export interface Stem {
    event: number;
    weight: number;
    x: number;
    /** Of the head of the stem. */
    y: number;
    radius: number;
    /** 0 to 1, of the largest weight that the strip has room for. */
    share: number;
}

/** Room above the tallest stem's middle. */
const HEADROOM = 10;

export function baseline(box: Box, strip: Strip): number {
    return box.y + strip.y + strip.height;
}

/** How tall a weight stands, by its share of the largest: in proportion, or by its square root, which keeps small ones apart. */
export type Rise = "linear" | "root";

/** Where a weight lies in a strip whose top is `top`. */
export function heightOf(box: Box, strip: Strip, weight: number, top: number, rise: Rise): number {
    const share = weight / top;
    return baseline(box, strip) - (rise === "root" ? Math.sqrt(share) : share) * (strip.height - HEADROOM);
}

/** Stems of the events that lie in the box or at its edge, most weight first. */
export function stems(box: Box, strip: Strip, list: readonly Weighed[], at: (event: number) => number, top: number, rise: Rise): Stem[] {
    const found: Stem[] = [];
    for (const { event, weight } of list) {
        const x = pixelOf(box, at(event));
        if (x < box.x - 12 || x > box.x + box.width + 12) continue;
        const share = weight / top;
        found.push({ event, weight, x, y: heightOf(box, strip, weight, top, rise), radius: 2.5 + 5.5 * Math.sqrt(share), share });
    }
    return found;
}

/** Most weight is drawn first, so that little circles stay in sight. */
export function drawStems(box: Box, strip: Strip, found: readonly Stem[], colour: (event: number) => string, surface: string): Mark[] {
    const base = baseline(box, strip);
    const lines = found.map((stem) => line(stem.x, base, stem.x, stem.y, faint(colour(stem.event), 0.35 + 0.45 * stem.share), 1.5));
    const heads = found.map((stem) =>
        circle(stem.x, stem.y, stem.radius, faint(colour(stem.event), 0.35 + 0.65 * stem.share), surface, 1),
    );
    return [...lines, ...heads];
}

/** The stem that a pointer means: near its line, nearest to its head among those. */
export function stemAt(found: readonly Stem[], x: number, y: number, reach: number): Stem | null {
    let [best, least] = [null as Stem | null, Infinity];
    for (const stem of found) {
        const aside = Math.abs(stem.x - x);
        if (aside > Math.max(reach, stem.radius)) continue;
        const distance = aside + 0.25 * Math.abs(stem.y - y);
        if (distance < least) [best, least] = [stem, distance];
    }
    return best;
}
