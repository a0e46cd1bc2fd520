/** Numbers, ages and dates as a person says them; the same in every chart. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** From the longest: an age is told in the first unit of which it has at least one. A year is 365.25 days. */
const UNITS = [
    ["year", 365.25 * DAY],
    ["month", (365.25 / 12) * DAY],
    ["week", 7 * DAY],
    ["day", DAY],
    ["hour", HOUR],
    ["minute", MINUTE],
] as const;

export const LENGTH = { MINUTE, HOUR, DAY, WEEK: 7 * DAY, MONTH: (365.25 / 12) * DAY, YEAR: 365.25 * DAY } as const;

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const day = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" });
const clock = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", hour: "2-digit", minute: "2-digit" });

/** `1 event`, `1,000 events`. */
export function counted(count: number, noun: string): string {
    return `${whole.format(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A length of time in milliseconds: `3 weeks`, `1.5 years`; one decimal short of two units. */
export function ageInWords(age: number): string {
    for (const [unit, length] of UNITS) {
        const exact = age / length;
        // 364 days are a year, rather than 12 months; 59 seconds are no minute.
        if (exact < (length === MINUTE ? 1 : 0.975)) continue;
        const shown = exact < 1.95 ? Math.round(exact * 10) / 10 : Math.round(exact);
        return `${shown} ${unit}${shown === 1 ? "" : "s"}`;
    }
    return "less than a minute";
}

/** How long before `now`, or after it. */
export function ago(time: number, now: number): string {
    return time > now ? `${ageInWords(time - now)} after the request` : `${ageInWords(now - time)} ago`;
}

/** `4 Mar 2021, 17:05 UTC`. */
export function dateInWords(time: number): string {
    return `${day.format(time)}, ${clock.format(time)} UTC`;
}

/** A share of 1: `12.3%`, `0.42%`, `0%`; two digits that count below one per cent. */
export function percent(share: number): string {
    const value = share * 100;
    if (value === 0) return "0%";
    if (Math.abs(value) < 0.01) return value < 0 ? ">−0.01%" : "<0.01%";
    return `${minus(Math.abs(value) < 1 ? value.toPrecision(2) : value.toFixed(1))}%`;
}

/** A share that labels an axis: no digit that does not count. `2.5%`, `5%`. */
export function tickPercent(share: number): string {
    return `${Number((share * 100).toPrecision(3))}%`;
}

/** With its sign: `+0.42`, `−1.30`, `0.00`. */
export function signed(value: number, digits = 2): string {
    const shown = value.toFixed(digits);
    if (Number(shown) === 0) return (0).toFixed(digits);
    return value > 0 ? `+${shown}` : minus(shown);
}

/** A typographic minus, as wide as a plus. */
function minus(number: string): string {
    return number.replace("-", "−");
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(parts: readonly string[]): string {
    if (parts.length < 2) return parts.join("");
    return `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1]}`;
}
