import { describe, expect, test } from "vitest";
import { DAY, EMPTY, type Edit, apply, decode, encode, extend, held, redo, undo, words } from "./edits";

const loaded = () => ({
    item: BigUint64Array.of(10n, 11n, 12n, 13n),
    action: Uint8Array.of(1, 2, 4, 1),
    time: Float64Array.of(1 * DAY, 2 * DAY, 3 * DAY, 4 * DAY),
});

describe("edits of a history", () => {
    test("without edits it stays what it is", () => {
        const edited = apply(loaded(), []);
        expect(edited.columns).toEqual(loaded());
        expect([...edited.origin]).toEqual([0, 1, 2, 3]);
        expect(edited.changed.size).toBe(0);
    });

    test("events go, act otherwise, and grow older, in the order of the edits", () => {
        const edited = apply(loaded(), [
            { kind: "remove", events: [1] },
            { kind: "act", events: [3], action: 4 },
            { kind: "age", events: [3], days: 2.5 },
        ]);
        expect([...edited.columns.item]).toEqual([10n, 13n, 12n]);
        expect([...edited.columns.action]).toEqual([1, 4, 4]);
        expect([...edited.columns.time]).toEqual([DAY, 1.5 * DAY, 3 * DAY]);
        expect([...edited.origin]).toEqual([0, 3, 2]);
        expect([...edited.changed]).toEqual([1]);
        expect(edited.removed).toBe(1);
    });

    test("an added event stands where its time puts it, behind those of the same time", () => {
        const edited = apply(loaded(), [{ kind: "add", item: 99n, action: 2, time: 2 * DAY }]);
        expect([...edited.columns.item]).toEqual([10n, 11n, 99n, 12n, 13n]);
        expect([...edited.origin]).toEqual([0, 1, 4, 2, 3]);
    });

    test("the loaded columns are left alone", () => {
        const columns = loaded();
        apply(columns, [{ kind: "act", events: [0], action: 5 }, { kind: "age", events: [0], days: 9 }]);
        expect(columns).toEqual(loaded());
    });
});

test("a new edit ends what could be redone", () => {
    const a: Edit = { kind: "remove", events: [0] };
    const b: Edit = { kind: "remove", events: [1] };
    let log = extend(extend(EMPTY, a), b);
    log = undo(log);
    expect(held(log)).toEqual([a]);
    expect(held(redo(log))).toEqual([a, b]);
    expect(redo(extend(log, a))).toEqual({ edits: [a, a], done: 2 });
    expect(undo(undo(undo(log))).done).toBe(0);
});

describe("edits in a link", () => {
    const edits: Edit[] = [
        { kind: "remove", events: [0, 1, 2, 5] },
        { kind: "add", item: 18446744073709551615n, action: 2, time: -5 },
        { kind: "act", events: [7], action: 4 },
        { kind: "age", events: [3, 8], days: -1.5 },
    ];

    test("come back as they went", () => {
        expect(encode(edits)).toBe("r0-2,5;a18446744073709551615=2@-5;k7=4;t3,8=-1.5");
        expect(decode(encode(edits), 8)).toEqual(edits);
        expect(decode("", 8)).toEqual([]);
    });

    test("are refused where they name what is not there, or are nothing", () => {
        for (const text of ["r9", "r3-1", "x1", "r", "r1,", "k1=9", "t1=", "a99999999999999999999=1@5", "r0-999999", "r8;a1=1@5"]) {
            expect(decode(text, 8), text).toBeNull();
        }
    });
});

test("edits are told in words", () => {
    const title = () => "Alien";
    const actions = ["other", "click", "save"];
    expect(words({ kind: "remove", events: [1] }, actions, title)).toBe("Took away 1 event");
    expect(words({ kind: "act", events: [1, 2], action: 2 }, actions, title)).toBe("Made 2 events save");
    expect(words({ kind: "age", events: [1], days: -1 }, actions, title)).toBe("Made 1 event 1 day younger");
    expect(words({ kind: "add", item: 1n, action: 1, time: 0 }, actions, title)).toBe("Added: click of Alien");
});
