import { type Page } from "@playwright/test";
import { edit, expect, items, open, settled, test, thousand } from "./page";

const events = async (page: Page) => Number(/over ([\d,]+) events?/.exec((await page.getByTestId("status").textContent())!)![1]!.replaceAll(",", ""));

test("events that are brushed go, and come back by undo; redo and reset", async ({ page }) => {
    await open(page, `person=${thousand.id}&view=what-if`);
    const before = await items(page);
    // A brush over the right third of the picture.
    await page.getByRole("button", { name: "Drag to select" }).click();
    const box = (await page.getByRole("slider", { name: "Events that attention looked at, oldest first" }).boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.6, box.y + 110);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.97, box.y + 120, { steps: 8 });
    await page.mouse.up();
    const bar = edit(page, "the brushed stretch");
    const brushed = Number(/^([\d,]+) events?/.exec(await bar.locator("strong").innerText())![1]!.replaceAll(",", ""));
    expect(brushed).toBeGreaterThan(0);
    expect(brushed).toBeLessThan(thousand.events);
    await bar.getByRole("button", { name: "Take away" }).click();
    await expect.poll(() => events(page)).toBe(thousand.events - brushed);
    await expect(bar).toBeHidden();
    await expect.poll(() => items(page)).not.toEqual(before);
    const after = await items(page);
    await expect(page.getByTestId("latency")).toHaveText(/ms$/);

    await page.keyboard.press("Control+z");
    await expect.poll(() => items(page)).toEqual(before);
    expect(await events(page)).toBe(thousand.events);
    await page.getByRole("button", { name: "Redo" }).click();
    await expect.poll(() => items(page)).toEqual(after);
    await page.getByRole("button", { name: "Reset" }).click();
    await expect.poll(() => items(page)).toEqual(before);
    await expect(page.getByRole("button", { name: "Undo" })).toBeDisabled();
});

test("ticked events are turned into skips, and aged", async ({ page }) => {
    await open(page, `person=${thousand.id}&view=what-if`);
    const before = await items(page);
    const table = page.getByRole("region", { name: "Events", exact: true }).getByRole("table");
    await page.getByRole("searchbox", { name: "Filter events by title or action" }).fill("save");
    await expect(table.locator("tbody tr").first()).toContainText("save");
    await page.getByRole("checkbox", { name: "Tick all events of this page" }).check();
    const bar = edit(page, "the table");
    await expect(bar).toContainText(/^\d+ events in the table/);
    await bar.getByRole("button", { name: "Turn into" }).click();
    await expect(page.getByRole("list", { name: "Changes to the history" })).toContainText(/Made \d+ events skip/);
    await expect.poll(() => items(page)).not.toEqual(before);
    await settled(page);

    await page.getByRole("searchbox", { name: "Filter events by title or action" }).fill("");
    const turned = await items(page);
    await page.getByRole("checkbox", { name: "Tick all events of this page" }).check();
    await edit(page, "the table").getByLabel("Days to age by").fill("400");
    await edit(page, "the table").getByRole("button", { name: "Age by" }).click();
    await expect(page.getByRole("list", { name: "Changes to the history" })).toContainText("400 days older");
    await expect.poll(() => items(page)).not.toEqual(turned);
});

test("an event is added by title, and what cannot be added is said", async ({ page }) => {
    await open(page, `person=${thousand.id}&view=what-if`);
    const form = page.getByRole("form", { name: "Add an event" });
    await form.getByLabel("Item").fill("no such title");
    await form.getByRole("button", { name: "Add" }).click();
    await expect(form.getByRole("alert")).toContainText("No item has this title");
    const title = (await page.locator("tr[data-item] td.title button").nth(7).textContent())!;
    await form.getByLabel("Item").fill(title);
    await form.getByRole("button", { name: "Add" }).click();
    await expect.poll(() => events(page)).toBe(thousand.events + 1);
    await expect(page.getByRole("list", { name: "Changes to the history" })).toContainText(`Added: save of ${title}`);
    await expect(page.locator("tr[data-item]").filter({ hasText: title }).first()).toContainText("in the history");
});

test("weights change the order, and two zeros are refused", async ({ page }) => {
    await open(page, `person=${thousand.id}`);
    const score = page.locator('tr[data-item] [data-number="score"]').first();
    const save = page.locator('tr[data-item] [data-number="p_save"]').first();
    await page.getByLabel("Weight of click, as a number").fill("0");
    await page.getByLabel("Weight of click, as a number").press("Enter");
    await expect.poll(async () => (await score.getAttribute("data-value")) === (await save.getAttribute("data-value"))).toBe(true);
    await page.getByLabel("Weight of save, as a number").fill("0");
    await page.getByLabel("Weight of save, as a number").press("Enter");
    await expect(page.getByRole("alert").first()).toContainText("cannot both be 0");
});
