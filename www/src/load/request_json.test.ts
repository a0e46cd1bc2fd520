import { expect, test } from "vitest";
import { parseJson } from "./json";
import { idOf, isRequest, readRequest } from "./request_json";
import { readTitles } from "./titles";

const read = (text: string) => readRequest("r.json", parseJson("r.json", text));

test("keys, names of actions and readable times become a request", () => {
    const { request, keys } = read(`{"now": "1998-04-22T21:10:38Z", "attributes": {"gender": "F"}, "candidates": ["172", 181, "pin-x"],
        "history": [{"item": "50", "action": "save", "time": 893286000000}, {"item": 7, "action": "zoom", "time": "1998-04-22T00:00:00Z"}],
        "gsu": "soft", "weights": {"click": 1, "save": 0.5}}`);
    expect(request.now).toBe(893_279_438_000);
    expect(request.candidates).toEqual([172, 181, 14544870118546566166n]);
    expect([...request.history.item]).toEqual([50n, 7n]);
    expect([...request.history.action]).toEqual([2, 255]);
    expect(request.attributes).toEqual({ gender: "F" });
    expect(request.weights).toEqual({ click: 1, save: 0.5 });
    expect(keys.get("14544870118546566166")).toBe("pin-x");
});

test("numbers beyond 2^53 stay what they are", () => {
    // Node 20 does not give a reviver the number as written; the page's browsers do.
    const json = { now: 1, candidates: [18446744073709551615n, "18446744073709551614"] };
    expect(readRequest("r", json).request.candidates).toEqual([18446744073709551615n, 18446744073709551614n]);
    expect(() => readRequest("r", { now: 1, candidates: [18446744073709551616n] })).toThrow("candidate 1");
});

test("what is wrong is named", () => {
    const wrong: [string, string][] = [
        ['{"now": 1, "candidates": [], "histroy": []}', "histroy"],
        ['{"candidates": []}', "now"],
        ['{"now": "yesterday", "candidates": []}', "RFC 3339"],
        ['{"now": 1, "candidates": [-1]}', "candidate 1"],
        ['{"now": 1, "candidates": [1.5]}', "candidate 1"],
        ['{"now": 1, "candidates": [], "history": [{"item": 1, "action": "save"}]}', "time of event 1"],
        ['{"now": 1, "candidates": [], "history": null}', "“history” is no list"],
        ['{"now": 1, "candidates": [], "gsu": "best"}', "“best”"],
        ['{"now": 1, "candidates": [], "items": [{"item": 1, "category": 0, "embedding": [1, "x"], "features": []}]}', "embedding"],
        ['{"now": 1, "candidates": [}', "valid JSON"],
        [`{"now": ${"[".repeat(100_000)}`, "nests deeper"],
    ];
    for (const [text, says] of wrong) expect(() => read(text), text.slice(0, 80)).toThrow(says);
});

test("titles are told from requests, and are text by id or key", () => {
    expect(isRequest(parseJson("x", '{"1": "Alien"}'))).toBe(false);
    expect(isRequest(parseJson("x", '{"now": 1}'))).toBe(true);
    const titles = readTitles("t", parseJson("t", '{"1": "<script>alert(1)</script>", "pin-x": "Pin"}'));
    expect(titles.get("1")).toBe("<script>alert(1)</script>");
    expect(titles.get(idOf("pin-x").toString())).toBe("Pin");
    expect(() => readTitles("t", parseJson("t", '{"1": 2}'))).toThrow("“1”");
});
