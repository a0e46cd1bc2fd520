/** What went wrong with something that was opened, and what to do next: shown as it is. */
export class Problem extends Error {
    override name = "Problem";
}

/** Text of a file in a message: short, and on one line. */
export function quoted(text: string, most = 60): string {
    const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
    const points = [...line];
    return `“${points.length <= most ? line : `${points.slice(0, most - 1).join("")}…`}”`;
}
