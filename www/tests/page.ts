/** What every test does with the page. */

import { type Locator, type Page, expect, test as base } from "@playwright/test";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const DATA = "../../target/lookback/inspector/data/";

export interface Person {
    id: string;
    key: string;
    events: number;
    candidates: number;
    capture: string;
}
export interface PeopleSet {
    name: string;
    simulated: boolean;
    bundle: string;
    shard: string;
    titles: string;
    people: Person[];
}

export const { sets } = JSON.parse(readFileSync(at(`${DATA}people.json`), "utf8")) as { sets: PeopleSet[] };
export const real = sets.find((set) => !set.simulated)!;
export const simulated = sets.find((set) => set.simulated)!;
/** About a thousand events, 500 candidates. */
export const thousand = simulated.people.find((person) => person.events === 1000) ?? simulated.people[2]!;
export const longest = simulated.people[0]!;
export const bytesOf = (file: string): Buffer => readFileSync(at(DATA + file));
export const models = (file: string): Buffer => readFileSync(at(`../../tests/models/${file}`));

/** A page on which an uncaught error, or anything that the Content-Security-Policy stopped, fails the test. */
export const test = base.extend<{ quiet: void }>({
    quiet: [
        async ({ page }, use) => {
            const wrong: string[] = [];
            page.on("pageerror", (error) => wrong.push(error.stack ?? error.message));
            page.on("console", (message) => message.type() === "error" && !/status of 404/.test(message.text()) && wrong.push(`${message.text()} ${message.location().url}`));
            await use();
            expect(wrong).toEqual([]);
        },
        { auto: true },
    ],
});
export { expect };

export async function open(page: Page, state: string): Promise<void> {
    // A hash alone would not load the page anew.
    await page.goto("about:blank");
    await page.goto(`./#${state}`);
    await settled(page);
}

/** The order is there, and the charts belong to the chosen candidate. */
export async function settled(page: Page): Promise<void> {
    await expect(page.getByTestId("status")).toContainText(/candidates? ranked over/);
    await expect(page.locator(".views[data-candidate]")).toHaveAttribute("aria-busy", "false");
}

export const rows = (page: Page): Locator => page.locator("tr[data-item]");
export const items = (page: Page): Promise<string[]> => rows(page).evaluateAll((all) => all.map((row) => (row as HTMLElement).dataset.item!));
export const chosen = (page: Page): Promise<string | null> => page.locator("tr[data-item][aria-current]").getAttribute("data-item");
/** The controls that change what is chosen in the time line, or in the table. */
export const edit = (page: Page, from: string): Locator => page.getByRole("group", { name: `What if: change ${from}` });
export const alert = (page: Page): Locator => page.getByRole("alert").first();

/** Every number of the list on every page of it, as it is behind what is shown. */
export async function shownNumbers(page: Page): Promise<{ item: string; p_click: number; p_save: number; score: number; text: string[] }[]> {
    const all = [];
    for (;;) {
        all.push(
            ...(await rows(page).evaluateAll((list) =>
                list.map((row) => {
                    const cell = (name: string) => row.querySelector<HTMLElement>(`[data-number="${name}"]`)!;
                    const number = (name: string) => Number(cell(name).dataset.value);
                    return {
                        item: (row as HTMLElement).dataset.item!,
                        p_click: number("p_click"), p_save: number("p_save"), score: number("score"),
                        text: ["p_click", "p_save", "score"].map((name) => cell(name).textContent ?? ""),
                    };
                }),
            )),
        );
        const next = page.getByRole("button", { name: "Next page of candidates" });
        if (await next.isDisabled()) return all;
        await next.click();
    }
}

export async function drop(page: Page, files: { name: string; buffer: Buffer }[]): Promise<void> {
    const transfer = await page.evaluateHandle((given) => {
        const data = new DataTransfer();
        for (const { name, base64 } of given) data.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], name));
        return data;
    }, files.map(({ name, buffer }) => ({ name, base64: buffer.toString("base64") })));
    await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
}

export const file = (name: string, buffer: Buffer | string) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from(buffer) });
