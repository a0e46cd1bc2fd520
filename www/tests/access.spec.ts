import AxeBuilder from "@axe-core/playwright";
import { type Page } from "@playwright/test";
import { chosen, drop, expect, items, open, settled, simulated, test, thousand } from "./page";

async function audit(page: Page, state: string): Promise<void> {
    // The page has no frames, for which the other mode would open another page; and nobody reads what was found right.
    const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).options({ resultTypes: ["violations"] }).analyze();
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    expect(grave.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(" | ")}`), state).toEqual([]);
}

for (const [name, use] of [
    ["light", { colorScheme: "light", viewport: { width: 1366, height: 768 } }],
    ["dark", { colorScheme: "dark", viewport: { width: 1366, height: 768 } }],
    ["phone", { colorScheme: "light", viewport: { width: 390, height: 844 } }],
    ["dark phone", { colorScheme: "dark", viewport: { width: 390, height: 844 } }],
] as const) {
    test.describe(name, () => {
        test.use(use);

        test("axe finds nothing serious in any main state", async ({ page }) => {
            test.setTimeout(240_000);
            await page.goto("./");
            await expect(page.getByRole("button", { name: /^Person/ }).first()).toBeVisible();
            await audit(page, "start");
            await drop(page, [{ name: "x.bin", buffer: Buffer.from("x") }]);
            await expect(page.getByRole("alert").first()).toContainText("x.bin");
            await audit(page, "error");
            for (const view of ["attention", "searches", "what-if", "compare", "numbers"]) {
                await open(page, `person=${thousand.id}&view=${view}&against=hard&edits=r0-3`);
                const side = page.getByRole("radio", { name: "Candidate" });
                if (await side.isVisible()) {
                    await audit(page, `${view}, list`);
                    await side.check();
                }
                if (view === "searches") await expect(page.getByRole("region", { name: "The same candidate under each search" })).toBeVisible();
                if (view === "what-if") {
                    await page.getByRole("button", { name: "Select all shown" }).click();
                    await page.getByRole("checkbox", { name: "Tick all events of this page" }).check();
                }
                await audit(page, view);
                expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${view} is as wide as the screen`).toBe(true);
            }
            await page.getByRole("button", { name: "Open…" }).click();
            await audit(page, "dialog");
        });
    });
}

test("everything by keyboard", async ({ page }) => {
    await page.goto("./");
    const person = page.getByRole("button", { name: `Person ${thousand.key}` });
    await expect(person).toBeVisible();
    for (let step = 0; step < 40 && !(await person.evaluate((button) => button === document.activeElement)); step++) await page.keyboard.press("Tab");
    await expect(person).toBeFocused();
    await page.keyboard.press("Enter");
    await settled(page);
    const before = await items(page);

    const tabTo = async (selector: string) => {
        for (let step = 0; step < 120; step++) {
            await page.keyboard.press("Tab");
            if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
        }
        throw new Error(`${selector} is not reached by Tab`);
    };
    // Down the list, and up again.
    await tabTo("tr[data-item] button");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await expect.poll(() => chosen(page)).toBe(before[2]);
    await page.keyboard.press("End");
    await expect(page.locator("tr[data-item][aria-current] td").first()).toHaveText("500");
    await page.keyboard.press("Home");
    await expect.poll(() => chosen(page)).toBe(before[0]);
    await settled(page);
    await expect(page.locator("tr[data-item][aria-current] button")).toBeFocused();

    // Another search by arrow keys.
    await page.getByRole("radio", { name: "Consistent" }).focus();
    await page.keyboard.press("ArrowLeft");
    await expect(page.getByRole("radio", { name: "Soft" })).toBeChecked();
    await settled(page);

    // Tabs, the time line's events, an edit, and undo.
    await page.getByRole("tab", { name: "Attention" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await expect(page.getByRole("tab", { name: "What if" })).toHaveAttribute("aria-selected", "true");
    const line = page.getByRole("slider", { name: "Events that attention looked at, oldest first" });
    await line.focus();
    await page.keyboard.press("End");
    await expect(line).not.toHaveAttribute("aria-valuetext", "none chosen");
    const soft = await items(page);
    await page.getByRole("group", { name: "What if: change this choice" }).getByRole("button", { name: "Take away" }).focus();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("list", { name: "Changes to the history" })).toContainText("Took away 1 event");
    await settled(page);
    await page.keyboard.press("Control+z");
    await expect.poll(() => items(page)).toEqual(soft);
});

test("the theme follows the system until it is chosen", async ({ page }) => {
    await page.emulateMedia({ colorScheme: "dark" });
    await page.goto("./");
    await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
    await page.getByRole("button", { name: "Switch to light" }).click();
    await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
    await page.emulateMedia({ colorScheme: "light" });
    await page.emulateMedia({ colorScheme: "dark" });
    await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
});

test("after it has loaded, the page needs no network", async ({ page, context }) => {
    await open(page, `person=${simulated.people.at(-1)!.id}`);
    const before = await items(page);
    await context.setOffline(true);
    for (const view of ["Searches", "What if", "Compare", "Numbers", "Attention"]) {
        await page.getByRole("tab", { name: view }).click();
        await settled(page);
    }
    await page.getByRole("radio", { name: "Hard" }).check();
    await expect.poll(() => items(page)).not.toEqual(before);
    await context.setOffline(false);
});
