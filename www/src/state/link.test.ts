import { expect, test } from "vitest";
import { type LinkState, fromAddress, toHash } from "./link";

const whole: LinkState = {
    a: { person: "ml-100k/405" },
    b: { bundle: "../b.lbb", shard: "https://example.org/b.lbs?x=1&y=2#z", request: "r.json", titles: "t.json", files: ["a b.lbs", "ü.lbcp"] },
    candidate: "18446744073709551615",
    gsu: "hard",
    weights: { click: 0.5, save: 3 },
    against: "consistent",
    head: 2,
    task: "save",
    view: "what-if",
    sort: "movement",
    descending: true,
    filter: "star & wars",
    page: 3,
    brushed: { from: -5, to: 893286000000 },
    event: 12,
    edits: "r0-2;k3=4",
};

test("a link holds the whole state", () => {
    expect(fromAddress("", `#${toHash(whole)}`)).toEqual({ state: whole, unread: [] });
});

test("the query is read too, and what stands behind # wins", () => {
    const { state } = fromAddress("?bundle=x.lbb&gsu=soft", "#gsu=hard");
    expect(state.a.bundle).toBe("x.lbb");
    expect(state.gsu).toBe("hard");
});

test("what says nothing is told, not guessed", () => {
    const { state, unread } = fromAddress("", "#gsu=best&weights=0,0&head=x&candidate=one&brushed=3,1&page=-1&nonsense=1&sort=-luck");
    expect(state).toEqual({ a: {}, b: {} });
    expect(unread.sort()).toEqual(["brushed", "candidate", "gsu", "head", "nonsense", "page", "sort", "weights"]);
});
