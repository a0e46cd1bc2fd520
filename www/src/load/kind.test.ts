import { expect, test } from "vitest";
import { kindOf } from "./kind";
import { Problem } from "./problem";

const head = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

test("files are known by their letters", () => {
    expect(kindOf("x", head("LBBUNDLE...."), 9)).toBe("bundle");
    expect(kindOf("x", head("LBSHARD\0...."), 9)).toBe("shard");
    expect(kindOf("x", head("LBRQ...."), 9)).toBe("request message");
    expect(kindOf("x", head("LBCP...."), 9)).toBe("capture");
    expect(kindOf("x", head(' \n{"now"'), 9)).toBe("json");
    expect(kindOf("x", head('\xef\xbb\xbf{"now"'), 9)).toBe("json");
});

test("everything else is refused with what to do instead", () => {
    const refusals: [string, string][] = [
        ["PK\x03\x04", "Unpack"],
        ["LBDELTA\0", "delta"],
        ["\x1f\x8b", "gzip"],
        ["<!doctype html>", "address"],
        ["[1, 2]", "starts with “[1, 2]”"],
        ["LBSHARDX", "starts with “LBSHARDX”"],
        ["\x00\x01<script>", "starts with “··<script>”"],
    ];
    for (const [text, says] of refusals) {
        expect(() => kindOf("x", head(text), 200_000_000), text).toThrow(Problem);
        expect(() => kindOf("x", head(text), 200_000_000), text).toThrow(says);
    }
    expect(() => kindOf("x", head(""), 0)).toThrow("empty");
});

test("a file larger than its kind can be is refused by its size", () => {
    expect(() => kindOf("x", head('{"now"'), 200_000_000)).toThrow("200 MB");
    expect(kindOf("x", head("LBSHARD\0"), 200_000_000)).toBe("shard");
});
