import { bytesOf, expect, file, open, real, rows, settled, simulated, test, thousand, alert } from "./page";

const both = (page: import("@playwright/test").Page) => page.getByRole("region", { name: "Both sides in numbers" }).first();

test("against hard search: movement, and both sides in numbers", async ({ page }) => {
    await open(page, `person=${thousand.id}&view=compare&against=hard`);
    await expect(page.getByRole("heading", { name: "Movement", exact: true })).toBeVisible();
    await expect(page.getByText(/^From hard search to Now/)).toBeVisible();
    await expect(both(page)).toContainText("500 shared candidates have another score");
});

test("two captures are two sides", async ({ page }) => {
    const [first, second] = real.people;
    await page.goto("./");
    await page.getByTestId("files-a").setInputFiles([
        file("bundle.lbb", bytesOf(real.bundle)), file("shard.lbs", bytesOf(real.shard)), file("first.lbc", bytesOf(first!.capture)),
        file("second.lbc", bytesOf(second!.capture)), file("titles.json", bytesOf(real.titles)),
    ]);
    await settled(page);
    await page.getByRole("tab", { name: "Compare" }).click();
    await expect(page.getByText("second.lbc").first()).toBeVisible();
    await expect(page.getByRole("heading", { name: "History on the compared side" })).toBeVisible();
    await expect(page.getByText(new RegExp(`^${second!.events} events over`))).toBeVisible();
    await page.getByRole("button", { name: "Close the compared side" }).click();
    await expect(page.getByRole("heading", { name: "History on the compared side" })).toBeHidden();
});

test("another person of the built-in ones is compared with", async ({ page }) => {
    await open(page, `person=${real.people[0]!.id}&view=compare&person2=${real.people[1]!.id}`);
    await expect(page.getByText(`Compared ml-100k, person ${real.people[1]!.key}`)).toBeVisible();
    await expect(page.getByRole("heading", { name: "History on the compared side" })).toBeVisible();
});

test("another model version ranks the same request", async ({ page }) => {
    await open(page, `person=${thousand.id}&view=compare`);
    // The same files are the same version: not one score differs.
    await page.getByTestId("files-b").setInputFiles([file("again.lbb", bytesOf(simulated.bundle)), file("again.lbs", bytesOf(simulated.shard))]);
    await expect(both(page)).toContainText("All 500 shared candidates have the same score, to the last bit.");
    await page.getByRole("button", { name: "Close the compared side" }).click();
    // MovieLens' model knows other items by the same numbers: it ranks what it knows, and orders otherwise.
    await page.getByTestId("files-b").setInputFiles([file("other.lbb", bytesOf(real.bundle)), file("other.lbs", bytesOf(real.shard))]);
    await expect(both(page)).toContainText("500 shared candidates have another score");
    await expect(alert(page)).toBeEmpty();
    const differences = await both(page).locator("tbody tr td:last-child").allInnerTexts();
    expect(differences.some((text) => text !== "0.0000")).toBe(true);
    // Movement may be measured against it too.
    await page.getByLabel("Movement against").selectOption("other");
    await expect(rows(page).first().locator("td").nth(1)).not.toHaveText("–");
});

test("a bundle of another embedding version is refused beside the shard that is open", async ({ page }) => {
    await open(page, `person=${thousand.id}&view=compare`);
    await page.getByTestId("files-b").setInputFiles(file("other.lbb", bytesOf(real.bundle)));
    await expect(alert(page)).toContainText("Open the bundle and its shard together");
    await expect(page.getByRole("button", { name: "Close the compared side" })).toBeHidden();
});
