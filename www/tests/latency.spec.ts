import { edit, expect, open, settled, test, thousand } from "./page";

// Recording what happened costs the page as much as what happens.
test.use({ trace: "off" });

const REST_MS = 1_000;

test("how long a change of 500 candidates and 1,000 events takes is told", async ({ page }) => {
    await open(page, `person=${thousand.id}&view=what-if`);
    const latency = page.getByTestId("latency");
    const number = async (name: string) => Number(await latency.getAttribute(name));
    const change = async (what: () => Promise<void>) => {
        // A person looks at what changed before they change more: until then the parts of the chosen candidate are measured.
        await page.waitForTimeout(REST_MS);
        const before = (await latency.isVisible()) ? await latency.getAttribute("data-since") : null;
        await what();
        // Two changes may take as long; none is made when another was.
        await expect.poll(() => latency.getAttribute("data-since")).not.toBe(before);
        await settled(page);
        return { shown: await number("data-milliseconds"), ranker: await number("data-ranker") };
    };
    const save = page.getByLabel("Weight of save, as a number");
    const weights = [];
    const histories = [];
    for (let round = 0; round < 12; round++) {
        weights.push(await change(async () => (await save.fill(String(round + 2)), await save.press("Enter"))));
        await page.getByRole("button", { name: "Select all shown" }).click();
        await expect(edit(page, "the brushed stretch")).toBeVisible();
        histories.push(await change(() => edit(page, "the brushed stretch").getByRole("button", { name: "Age by" }).click()));
    }
    for (const [what, times] of [["weights", weights], ["history", histories]] as const) {
        expect(times.every(({ shown, ranker }) => ranker > 0 && shown >= ranker)).toBe(true);
        const middle = (name: "shown" | "ranker") => Math.round(times.map((time) => time[name]).toSorted((a, b) => a - b)[6]!);
        console.log(`another ${what}, median of 12: ${middle("shown")} ms to the new order on screen, of which the ranker took ${middle("ranker")} ms`);
    }
});
