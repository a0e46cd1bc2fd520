import { alert, bytesOf, chosen, expect, items, longest, open, real, rows, sets, settled, shownNumbers, simulated, test, thousand } from "./page";

/** Reads captures apart from the page. */
const { decodeCapture } = (await import(new URL("../../target/lookback/npm/lookback/node.js", import.meta.url).href)) as typeof import("lookback/web");

test("the page starts with people to choose, and says who is simulated", async ({ page }) => {
    await page.goto("./");
    for (const set of sets) {
        const section = page.getByRole("region", { name: set.name });
        await expect(section.getByRole("button")).toHaveCount(set.people.length);
        await expect(section.getByText("Simulated", { exact: true })).toHaveCount(set.simulated ? 1 : 0);
    }
    await page.getByRole("button", { name: `Person ${thousand.key}` }).click();
    await settled(page);
    await expect(page.getByText("Simulated person")).toBeVisible();
    await expect(page.getByTestId("status")).toContainText(`${thousand.candidates} candidates ranked over ${thousand.events.toLocaleString("en")} events`);
});

for (const person of [...real.people, ...simulated.people]) {
    test(`every number shown is the host's, to the last bit: ${person.id}`, async ({ page }) => {
        await open(page, `person=${person.id}`);
        await expect(page.getByText("Same as the host's answer, to the last bit")).toBeVisible();
        const { response } = decodeCapture(new Uint8Array(bytesOf(person.capture)));
        const shown = await shownNumbers(page);
        expect(shown.map(({ item, p_click, p_save, score }) => ({ item, p_click, p_save, score }))).toEqual(
            response.ranked.map(({ item, p_click, p_save, score }) => ({ item: String(item), p_click, p_save, score })),
        );
        expect(shown.map(({ text }) => text)).toEqual(response.ranked.map((one) => [one.p_click, one.p_save, one.score].map((value) => value.toFixed(4))));
    });
}

test("a capture that another model answered is told from one that is answered alike", async ({ page }) => {
    const capture = bytesOf(real.people[0]!.capture);
    const { request, response } = decodeCapture(new Uint8Array(capture));
    response.ranked[3]!.p_click += 1e-6;
    const { encodeCapture } = (await import(new URL("../../target/lookback/npm/lookback/node.js", import.meta.url).href)) as typeof import("lookback/web");
    const changed = Buffer.from(encodeCapture({ request, response }));
    await page.goto("./");
    await page.getByTestId("files-a").setInputFiles([
        { name: "b.lbb", mimeType: "", buffer: bytesOf(real.bundle) },
        { name: "s.lbs", mimeType: "", buffer: bytesOf(real.shard) },
        { name: "c.lbc", mimeType: "", buffer: changed },
    ]);
    await settled(page);
    await expect(page.getByText("Not the host's answer")).toBeVisible();
    await expect(page.getByText(/1 of \d+ candidates differ/)).toBeVisible();
});

test("sorting, filtering, pages, and the choice of a candidate", async ({ page }) => {
    await open(page, `person=${real.people[0]!.id}`);
    const before = await items(page);
    expect(await chosen(page)).toBe(before[0]);
    await page.getByRole("button", { name: "P(save)" }).click();
    const saves = await rows(page).locator('[data-number="p_save"]').evaluateAll((cells) => cells.map((cell) => Number((cell as HTMLElement).dataset.value)));
    expect(saves).toEqual(saves.toSorted((a, b) => b - a));
    await page.getByRole("button", { name: /^#/ }).click();
    await expect.poll(() => items(page)).toEqual(before);

    await page.getByRole("searchbox", { name: "Filter by title, category or id" }).fill("comedy");
    await expect(rows(page).first()).toContainText("Comedy");
    expect(await rows(page).evaluateAll((all) => all.every((row) => /comedy/i.test(row.textContent ?? "")))).toBe(true);
    await page.getByRole("searchbox", { name: "Filter by title, category or id" }).fill("");

    await rows(page).nth(4).click();
    await settled(page);
    expect(await chosen(page)).toBe(before[4]);
    await expect(page.getByRole("heading", { level: 2, name: (await rows(page).nth(4).getByRole("button").textContent())! })).toBeVisible();
    await page.getByRole("button", { name: "Next page of candidates" }).click();
    await expect(rows(page).first().locator("td").first()).toHaveText("51");
});

test("what each part contributed is the whole less the rest", async ({ page }) => {
    await open(page, `person=${real.people[0]!.id}&view=numbers`);
    const raw = JSON.parse((await page.getByLabel("JSON of the chosen candidate").textContent())!);
    const table = page.getByRole("region", { name: "What each part contributed, as a table" });
    await page.getByRole("group", { name: "Copies of What each part contributed" }).getByRole("button", { name: "Table" }).click();
    for (const without of raw.explanation.without) {
        const logit = raw.candidate.logits[0] - without.logits[0];
        const text = await table.textContent();
        expect(text).toContain(String(Number(logit.toPrecision(5))));
    }
    expect(raw.explanation.without.map((one: { part: string }) => one.part)).toEqual(["long", "recent", "skips", "item", "user"]);
    // The parts of every candidate are measured in the background, and can be sorted by.
    await page.getByLabel("Sort by what a part contributed").selectOption("long");
    await expect(page.locator("tr[data-item]").first().locator("td.parts .hidden")).not.toContainText("not measured");
});

test("the order of another search, and what moved", async ({ page }) => {
    await open(page, `person=${thousand.id}`);
    const consistent = await items(page);
    await page.getByRole("radio", { name: "Hard" }).check();
    await expect.poll(() => items(page)).not.toEqual(consistent);
    await settled(page);
    const hard = await items(page);
    const moved = await rows(page).first().locator("td").nth(1).innerText();
    const from = consistent.indexOf(hard[0]!);
    expect(moved).toContain(from <= 0 ? "0" : String(from));
    await page.getByLabel("Movement against").selectOption("nothing");
    await expect(rows(page).first().locator("td").nth(1)).toHaveText("–");
});

test("what hard, soft and consistent search pick stands side by side", async ({ page }) => {
    await open(page, `person=${thousand.id}&view=searches`);
    const table = page.getByRole("region", { name: "The same candidate under each search" }).getByRole("table");
    await expect(table.getByRole("row")).toHaveCount(4);
    const picked = await table.locator("tbody tr").evaluateAll((all) => all.map((row) => Number(row.children[5]!.textContent)));
    expect(picked.every((count) => count > 0 && count <= 50)).toBe(true);
    await expect(page.getByText(/Hard search picked \d+ events, soft search picked \d+ events/)).toBeVisible();
});

test("every head by itself, in every chart, and by what it paid in the table", async ({ page }) => {
    await open(page, `person=${thousand.id}`);
    const heads = page.getByRole("group", { name: "Attention head" }).getByRole("radio");
    const count = await heads.count();
    expect(count).toBeGreaterThan(2);
    for (let head = 1; head < count; head++) {
        await heads.nth(head).check();
        await expect(page.getByText(new RegExp(`Most attention \\(head ${head}\\)`))).toBeVisible();
    }
    const columns = page.getByRole("region", { name: "Attention weights" }).last().getByRole("columnheader");
    await expect(columns).toHaveCount(4 + count - 1);
});

test("a history of tens of thousands of events is drawn, and the page answers meanwhile", async ({ page }) => {
    await open(page, `person=${longest.id}`);
    await expect(page.getByText(new RegExp(`^${longest.events.toLocaleString("en")} events over`))).toBeVisible();
    // A frame that takes long is a page that froze.
    const slowest = await page.evaluate(
        () =>
            new Promise<number>((done) => {
                let last = performance.now();
                let most = 0;
                const end = last + 1500;
                document.querySelector<HTMLElement>('tr[data-item]:nth-child(5)')!.click();
                const frame = (now: number) => {
                    most = Math.max(most, now - last);
                    last = now;
                    if (now < end) requestAnimationFrame(frame);
                    else done(most);
                };
                requestAnimationFrame(frame);
            }),
    );
    test.info().annotations.push({ type: "slowest frame", description: `${Math.round(slowest)} ms` });
    console.log(`slowest frame while choosing a candidate of ${longest.events} events: ${Math.round(slowest)} ms`);
    await settled(page);
    await expect(alert(page)).toBeEmpty();
});
