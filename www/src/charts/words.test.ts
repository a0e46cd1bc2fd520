import { expect, test } from "vitest";
import { ageInWords, ago, counted, dateInWords, LENGTH, listed, percent, signed, tickPercent } from "./words";

test("an age is told in the first unit of which it has one", () => {
    expect(ageInWords(0)).toBe("less than a minute");
    expect(ageInWords(59_999)).toBe("less than a minute");
    expect(ageInWords(LENGTH.MINUTE)).toBe("1 minute");
    expect(ageInWords(90 * LENGTH.MINUTE)).toBe("1.5 hours");
    expect(ageInWords(LENGTH.DAY * 6.4)).toBe("6 days");
    expect(ageInWords(LENGTH.DAY * 364)).toBe("1 year");
    expect(ageInWords(LENGTH.YEAR * 12.2)).toBe("12 years");
});

test("what is after the request says so", () => {
    expect(ago(1_000, 1_000 + 2 * LENGTH.HOUR)).toBe("2 hours ago");
    expect(ago(1_000 + 2 * LENGTH.HOUR, 1_000)).toBe("2 hours after the request");
});

test("dates are in UTC, whatever the machine's zone", () => {
    expect(dateInWords(Date.UTC(2021, 2, 4, 17, 5))).toBe("4 Mar 2021, 17:05 UTC");
});

test("small shares keep two digits", () => {
    expect([0, 0.5, 0.04236, 0.00421, 0.0000042].map(percent)).toEqual(["0%", "50.0%", "4.2%", "0.42%", "<0.01%"]);
    expect([0.0125, 0.025, 0.05, 1].map(tickPercent)).toEqual(["1.25%", "2.5%", "5%", "100%"]);
});

test("signs are typographic, and nothing has none", () => {
    expect([0.424, -1.3, 0, -0.001].map((value) => signed(value))).toEqual(["+0.42", "−1.30", "0.00", "0.00"]);
});

test("counts and lists read as English", () => {
    expect(counted(1, "event")).toBe("1 event");
    expect(counted(54_000, "event")).toBe("54,000 events");
    expect(listed(["a"])).toBe("a");
    expect(listed(["a", "b", "c"])).toBe("a, b and c");
});
