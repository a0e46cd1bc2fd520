import { type Download, type Page } from "@playwright/test";
import { readFile } from "node:fs/promises";
import { expect, file, items, open, real, settled, shownNumbers, test, thousand, bytesOf, rows } from "./page";

test.use({ permissions: ["clipboard-read", "clipboard-write"] });

async function download(page: Page, button: string): Promise<{ download: Download; bytes: Buffer }> {
    const [taken] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: button, exact: true }).click()]);
    return { download: taken, bytes: await readFile(await taken.path()) };
}

test("the numbers as JSON and CSV, by file and by clipboard", async ({ page }) => {
    await open(page, `person=${thousand.id}&view=numbers`);
    const json = JSON.parse((await download(page, "Download JSON")).bytes.toString());
    expect(json.response.ranked).toHaveLength(500);
    expect(json.explanation.long.length).toBeGreaterThan(0);
    const csv = (await download(page, "Download CSV of the list")).bytes.toString().trim().split("\r\n");
    expect(csv).toHaveLength(501);
    expect(csv[0]).toMatch(/^rank,item,title,category,p_click,p_save,score,/);
    expect(csv[1]).toContain(String(json.response.ranked[0].p_click));
    await page.getByRole("button", { name: "Copy CSV" }).click();
    await expect(page.getByText("The CSV is on the clipboard.")).toBeVisible();
    expect((await page.evaluate(() => navigator.clipboard.readText())).split("\r\n")[0]).toBe(csv[0]);
});

test("a capture of what is on screen, edits included, opens to the same numbers", async ({ page }) => {
    await open(page, `person=${real.people[1]!.id}&view=numbers&edits=r0-9;k20-40=4&weights=2,1`);
    const before = await shownNumbers(page);
    const { bytes } = await download(page, "Download capture");
    expect(bytes.subarray(0, 4).toString()).toBe("LBCP");
    await page.goto("about:blank");
    await page.goto("./");
    await page.getByTestId("files-a").setInputFiles([file("b.lbb", bytesOf(real.bundle)), file("s.lbs", bytesOf(real.shard)), file("c.lbc", bytes)]);
    await settled(page);
    await expect(page.getByText("Same as the host's answer, to the last bit")).toBeVisible();
    expect(await shownNumbers(page)).toEqual(before);
});

test("each chart as PNG, SVG and CSV", async ({ page }) => {
    const views: [string, string[]][] = [
        ["attention", ["What each part contributed", "History on a time line", "Time decay", "By category", "By action", "By age"]],
        ["searches", ["What each search picks"]],
        ["compare", ["Movement"]],
    ];
    for (const [view, charts] of views) {
        await open(page, `person=${thousand.id}&view=${view}`);
        for (const chart of charts) {
            await expect(page.getByRole("heading", { name: chart, exact: true })).toBeVisible();
            const png = await download(page, `Download PNG: ${chart}`);
            expect(png.bytes.subarray(1, 4).toString(), chart).toBe("PNG");
            expect(png.bytes.length, chart).toBeGreaterThan(3000);
            const svg = (await download(page, `Download SVG: ${chart}`)).bytes.toString();
            expect(svg, chart).toMatch(/^<svg[\s\S]*<\/svg>\s*$/);
            const csv = (await download(page, `Download CSV: ${chart}`)).bytes.toString();
            expect(csv.split("\r\n").length, chart).toBeGreaterThan(2);
        }
    }
});

test("the link restores what was seen", async ({ page }) => {
    await open(page, `person=${thousand.id}&view=what-if`);
    await page.getByRole("radio", { name: "Soft" }).check();
    await settled(page);
    await page.getByLabel("Weight of save, as a number").fill("3");
    await page.getByLabel("Weight of save, as a number").press("Enter");
    await settled(page);
    await page.getByRole("button", { name: "Select all shown" }).click();
    await page.getByRole("group", { name: "What if: change the brushed stretch" }).getByRole("button", { name: "Age by" }).click();
    await expect(page.getByRole("list", { name: "Changes to the history" })).toBeVisible();
    await settled(page);
    await rows(page).nth(2).click();
    await settled(page);
    await page.getByRole("radio", { name: "2", exact: true }).check();
    await page.getByLabel("Movement against").selectOption("hard");
    await page.getByRole("button", { name: "P(save)" }).click();
    await page.getByRole("searchbox", { name: "Filter by title, category or id" }).fill("category");
    await settled(page);
    await page.getByRole("button", { name: "Copy link" }).click();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const seen = async () => ({
        items: await items(page),
        chosen: await page.locator(".views").getAttribute("data-candidate"),
        edits: await page.getByRole("list", { name: "Changes to the history" }).innerText(),
        soft: await page.getByRole("radio", { name: "Soft" }).isChecked(),
        head: await page.getByRole("radio", { name: "2", exact: true }).isChecked(),
        against: await page.getByLabel("Movement against").inputValue(),
        moved: await rows(page).locator("td:nth-child(2)").allInnerTexts(),
        save: await page.getByLabel("Weight of save, as a number").inputValue(),
        filter: await page.getByRole("searchbox", { name: "Filter by title, category or id" }).inputValue(),
        numbers: await shownNumbers(page),
    });
    const before = await seen();
    expect(before.soft && before.head).toBe(true);
    await page.goto("about:blank");
    await page.goto(link);
    await settled(page);
    await expect.poll(() => rows(page).locator("td:nth-child(2)").allInnerTexts()).toEqual(before.moved);
    expect(await seen()).toEqual(before);
});

test("addresses in the link, in its query or behind #", async ({ page }) => {
    const person = real.people[2]!;
    const address = new URLSearchParams({ bundle: `data/${real.bundle}`, shard: `data/${real.shard}`, request: `data/${person.capture}`, titles: `data/${real.titles}` });
    await page.goto(`./?${address}`);
    await settled(page);
    await expect(page.getByText("Same as the host's answer, to the last bit")).toBeVisible();
    await page.goto("about:blank");
    address.set("bundle", new URL(`data/${real.bundle}`, test.info().project.use.baseURL).href);
    await page.goto(`./#${address}`);
    await settled(page);
    await page.goto("about:blank");
    address.set("shard", "data/no-such-shard.lbs");
    await page.goto(`./#${address}`);
    await expect(page.getByRole("alert").first()).toContainText("the server answered 404");
});
