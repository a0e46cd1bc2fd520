/** Requests as JSON, odd ones among them: the page shows what the package answers in Node. */

import type { Request } from "lookback/web";
import { alert, expect, file, models, rows, settled, shownNumbers, test } from "./page";

const { Ranker } = (await import(new URL("../../target/lookback/npm/lookback/node.js", import.meta.url).href)) as typeof import("lookback/web");

const NOW = 1_700_000_000_000;
const DAY = 86_400_000;
const some = (count: number, action: (at: number) => string = () => "click") =>
    Array.from({ length: count }, (_, at) => ({ item: 3 + 3 * (at % 290), action: action(at), time: NOW - (count - at) * 7_000_000 }));
const candidates = [3, 6, 9, 300, 600, 30];

const requests: Record<string, Request> = {
    "an ordinary one": { now: NOW, attributes: { age: "18-24", gender: "F" }, surface: "home", history: some(80, (at) => (at % 5 ? "click" : "save")), candidates },
    "no history": { now: NOW, candidates },
    "no history, known group": { now: NOW, attributes: { gender: "M" }, candidates },
    "only skips": { now: NOW, history: some(30, () => "skip"), candidates },
    "one candidate": { now: NOW, history: some(5), candidates: [6] },
    "candidates that the shard lacks": { now: NOW, history: some(40), candidates: [1, 2, 4, 6, 7_000_000] },
    "repeated candidates, unknown actions, items and attributes, out of order, at and after now": {
        now: NOW,
        attributes: { gender: "F", planet: "Mars" },
        surface: "nowhere",
        history: [...some(20), { item: 6, action: "zoom", time: NOW - 9 * DAY }, { item: 1, action: "save", time: NOW - 1 }, { item: 9, action: "save", time: NOW }, { item: 9, action: "hide", time: NOW + DAY }],
        candidates: [6, 6, 9, 12],
        gsu: "hard",
    },
    "an item of its own": {
        now: NOW,
        history: some(25),
        candidates: [6, 5],
        items: [{ item: 5, category: 2, embedding: [0.1, -0.2, 0.3, 0, 0, 0.5, 0.25, -1], features: [0.5, -0.5] }],
        weights: { click: 0.25, save: 4 },
        gsu: "soft",
    },
    "times before 1970": { now: -DAY, history: [{ item: 3, action: "save", time: -400 * DAY }, { item: 6, action: "click", time: -2 * DAY }], candidates },
    "a long history": { now: NOW, history: some(20_000, (at) => ["click", "save", "skip"][at % 3]!), candidates },
};

for (const [name, request] of Object.entries(requests)) {
    test(name, async ({ page }) => {
        const ranker = new Ranker();
        ranker.loadBundle(new Uint8Array(models("made-up/bundle.lbb")));
        ranker.pushShard(new Uint8Array(models("made-up/shard.lbs")));
        const response = ranker.rank(request);
        await page.goto("./");
        await page.getByTestId("files-a").setInputFiles([
            file("bundle.lbb", models("made-up/bundle.lbb")), file("shard.lbs", models("made-up/shard.lbs")), file("request.json", JSON.stringify(request)),
        ]);
        await settled(page);
        expect((await shownNumbers(page)).map(({ item, p_click, p_save, score }) => ({ item, p_click, p_save, score }))).toEqual(
            response.ranked.map(({ item, p_click, p_save, score }) => ({ item: String(item), p_click, p_save, score })),
        );
        await expect(page.getByText(/so popularity among .* answered/)).toHaveCount(response.answered_by === "model" ? 0 : 1);
        // Every view of the first and of the last candidate, scored by the model or not.
        for (const row of [rows(page).first(), rows(page).last()]) {
            await row.click();
            for (const view of ["Searches", "What if", "Compare", "Numbers", "Attention"]) {
                await page.getByRole("tab", { name: view }).click();
                await settled(page);
                await expect(alert(page)).toBeEmpty();
            }
        }
        if (request.history) {
            await page.getByRole("tab", { name: "What if" }).click();
            await page.getByRole("checkbox", { name: /^Tick (?!all)/ }).first().check();
            await page.getByRole("group", { name: "What if: change the table" }).getByRole("button", { name: "Take away" }).click();
            await expect(page.getByRole("list", { name: "Changes to the history" })).toContainText("Took away 1 event");
            await settled(page);
        }
    });
}

test("no candidates at all", async ({ page }) => {
    await page.goto("./");
    await page.getByTestId("files-a").setInputFiles([
        file("bundle.lbb", models("made-up/bundle.lbb")), file("shard.lbs", models("made-up/shard.lbs")), file("request.json", '{"now": 1, "candidates": []}'),
    ]);
    await expect(page.getByText("The request has no candidates.")).toBeVisible();
    await expect(alert(page)).toBeEmpty();
});

test("ten thousand candidates in pages", async ({ page }) => {
    const request = { now: NOW, history: some(60), candidates: Array.from({ length: 10_000 }, (_, at) => at) };
    await page.goto("./");
    await page.getByTestId("files-a").setInputFiles([
        file("bundle.lbb", models("made-up/bundle.lbb")), file("shard.lbs", models("made-up/shard.lbs")), file("request.json", JSON.stringify(request)),
    ]);
    await settled(page);
    await expect(page.getByText("1–50 of 10,000 candidates")).toBeVisible();
    await page.getByRole("button", { name: "Last page of candidates" }).click();
    await expect(rows(page).last().locator("td").first()).toHaveText("10000");
});

test("files one after another, in any order; another request takes the place of the first", async ({ page }) => {
    await page.goto("./");
    const input = page.getByTestId("files-a");
    await input.setInputFiles(file("request.json", JSON.stringify(requests["an ordinary one"])));
    await expect(page.getByText("✓ Request or capture request.json")).toBeVisible();
    await input.setInputFiles(file("shard.lbs", models("made-up/shard.lbs")));
    await expect(page.getByText("✓ Shard shard.lbs")).toBeVisible();
    await input.setInputFiles(file("bundle.lbb", models("made-up/bundle.lbb")));
    await settled(page);
    await expect(page.getByTestId("status")).toContainText("6 candidates ranked over 80 events");
    await page.getByRole("button", { name: "Open…" }).click();
    await input.setInputFiles(file("other.json", JSON.stringify(requests["one candidate"])));
    await expect(page.getByTestId("status")).toContainText("1 candidate ranked over 5 events");
    await expect(page.getByRole("dialog")).toBeHidden();
    await expect(alert(page)).toBeEmpty();
});
