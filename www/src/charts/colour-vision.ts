/** How far apart colours are for every kind of colour vision: for the tests of the palette. */

/** Machado, Oliveira and Fernandes (IEEE TVCG 2009), severity 1, on linear RGB: how each kind of vision sees it. */
const VISIONS = {
    normal: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
    deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
    tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
} as const;

type Triple = readonly [number, number, number];

function linear(colour: string): Triple {
    const channel = (at: number) => {
        const value = parseInt(colour.slice(at, at + 2), 16) / 255;
        return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    };
    return [channel(1), channel(3), channel(5)];
}

/** Oklab (Ottosson 2020) of linear RGB. */
function oklab([r, g, b]: Triple): Triple {
    const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
    const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
    const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
    return [
        0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
        1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
        0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
    ];
}

/** The least distance in Oklab between two colours that any kind of vision sees. */
export function leastDistance(a: string, b: string): number {
    const [one, other] = [linear(a), linear(b)];
    const distances = Object.values(VISIONS).map((matrix) => {
        const seen = (colour: Triple): Triple => {
            const row = (at: 0 | 3 | 6) => {
                const value = matrix[at] * colour[0] + matrix[(at + 1) as 1]! * colour[1] + matrix[(at + 2) as 2]! * colour[2];
                return Math.min(Math.max(value, 0), 1);
            };
            return oklab([row(0), row(3), row(6)]);
        };
        const [p, q] = [seen(one), seen(other)];
        return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
    });
    return Math.min(...distances);
}

/** Contrast ratio (WCAG 2.2). */
export function contrast(a: string, b: string): number {
    const luminance = (colour: string) => {
        const [red, green, blue] = linear(colour);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light! + 0.05) / (dark! + 0.05);
}
