import { expect, test } from "vitest";
import { ageBucket, ageGroup, AGE_GROUPS, AGE_TICKS, FINE_AGE_TICKS } from "./age";
import { LENGTH } from "./words";

test("a bucket is the bit length of the whole minutes", () => {
    const minutes = (count: number) => ageBucket(count * LENGTH.MINUTE, 25);
    expect([0, 0.99, 1, 1.99, 2, 3, 4, 7.9, 8].map(minutes)).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4]);
    expect(minutes(2 ** 20 - 1)).toBe(20);
    expect(minutes(2 ** 20)).toBe(21);
});

test("the last bucket holds everything older, and no age is below the first", () => {
    expect(ageBucket(100 * LENGTH.YEAR, 25)).toBe(25);
    expect(ageBucket(-5 * LENGTH.DAY, 25)).toBe(0);
});

test("every age has one group", () => {
    expect(AGE_GROUPS[ageGroup(0)]!.label).toBe("under an hour");
    expect(AGE_GROUPS[ageGroup(LENGTH.HOUR)]!.label).toBe("1 to 24 hours");
    expect(AGE_GROUPS[ageGroup(200 * LENGTH.YEAR)]!.label).toBe("over 5 years");
});

test("ticks ascend", () => {
    for (const ticks of [AGE_TICKS, FINE_AGE_TICKS]) {
        for (let i = 1; i < ticks.length; i += 1) expect(ticks[i]!.age).toBeGreaterThan(ticks[i - 1]!.age);
    }
});
