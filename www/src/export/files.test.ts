import { expect, test } from "vitest";
import { fileName, toCsv, toJson } from "./files";

test("CSV quotes what needs it, and no cell becomes a formula", () => {
    const rows = [["a,b", 1], ['say "x"', -2.5], ["=1+1", 0], ["-1.5", 0], ["-cmd", 0]] as const;
    expect(toCsv({ columns: ["title", "n"], rows })).toBe(`title,n\r\n"a,b",1\r\n"say ""x""",-2.5\r\n'=1+1,0\r\n-1.5,0\r\n'-cmd,0\r\n`);
});

test("JSON keeps 64-bit ids as numbers and typed arrays as lists", () => {
    const text = toJson({ item: 18446744073709551615n, ids: BigUint64Array.of(1n, 18446744073709551614n), time: Float64Array.of(1.5) });
    expect(text.replaceAll(/\s/g, "")).toBe('{"item":18446744073709551615,"ids":[1,18446744073709551614],"time":[1.5]}');
});

test("names of files are plain", () => {
    expect(fileName("Person 405", "Léon: <b>", "time line")).toBe("person-405-l-on-b-time-line");
});
