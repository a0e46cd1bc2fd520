import { AxeBuilder } from "@axe-core/playwright";
import { expect, test, type Page } from "@playwright/test";
import type { Chart } from "../contract";

declare global {
    interface Window {
        charts: Record<string, Chart>;
        hostile?: boolean;
        frameTimes: number[];
    }
}

const NAMES = ["timeline", "comparison", "decay", "by-category", "by-action", "by-age", "contributions", "movement"];

/** Opens the gallery; whatever the page complains of fails the test. */
async function open(page: Page, asked: { theme?: string; events?: number } = {}): Promise<string[]> {
    const complaints: string[] = [];
    page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`?theme=${asked.theme ?? "light"}&events=${asked.events ?? 1000}`);
    for (const name of NAMES) await expect(page.locator(`#${name} canvas`).first()).toBeVisible();
    await page.evaluate(() => new Promise(requestAnimationFrame));
    return complaints;
}

const host = (page: Page, name: string) => page.locator(`#${name} .host`);
const button = (page: Page, name: string, label: string) => page.locator(`#${name}`).getByRole("button", { name: label, exact: true });

for (const theme of ["light", "dark"]) {
    for (const width of [340, 768, 1600]) {
        test(`every chart fits ${width} pixels, ${theme}, and axe finds nothing`, async ({ page }, info) => {
            await page.setViewportSize({ width, height: 900 });
            const complaints = await open(page, { theme });
            const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
            expect(overflow).toBe(0);
            for (const name of NAMES) {
                const [canvas, frame] = [await page.locator(`#${name} canvas`).first().boundingBox(), await host(page, name).boundingBox()];
                expect(Math.abs(canvas!.width - frame!.width), name).toBeLessThan(1);
            }
            await page.screenshot({ path: info.outputPath("charts.png"), fullPage: true });
            const { violations } = await new AxeBuilder({ page }).include("section").analyze();
            expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
            expect(complaints).toEqual([]);
        });
    }
}

test("each chart has a name and a summary, and is copied as PNG, SVG and table", async ({ page }) => {
    const complaints = await open(page);
    for (const name of NAMES) {
        const copied = await page.evaluate(async (name) => {
            const chart = window.charts[name]!;
            const bitmap = await createImageBitmap(await chart.toPNG());
            const svg = new DOMParser().parseFromString(chart.toSVG(), "image/svg+xml");
            const { columns, rows } = chart.table();
            return {
                summary: chart.summary(),
                png: bitmap.width,
                failed: svg.querySelector("parsererror")?.textContent ?? null,
                svg: svg.documentElement.getAttribute("width"),
                title: svg.querySelector("title")?.textContent,
                description: svg.querySelector("desc")?.textContent,
                foreign: svg.querySelectorAll("script, style, img, foreignObject").length,
                columns: columns.length,
                ragged: rows.filter((row) => row.length !== columns.length).length,
                rows: rows.length,
            };
        }, name);
        const width = Math.round((await host(page, name).boundingBox())!.width);
        expect(copied, name).toMatchObject({ failed: null, ragged: 0, foreign: 0, svg: String(width), description: copied.summary });
        expect(copied.png, name).toBe(width * 2);
        expect(copied.rows, name).toBeGreaterThan(0);
        expect(copied.title, name).not.toBe("");
        await expect(host(page, name)).toHaveAttribute("aria-label", /\w/);
    }
    expect(complaints).toEqual([]);
});

/** Moves along a line until something is under the pointer; gives back its x. */
async function sweep(page: Page, name: string, from: number, y: number): Promise<number> {
    const box = (await host(page, name).boundingBox())!;
    for (let x = from; x < box.width - 20; x += 6) {
        await page.mouse.move(box.x + x, box.y + y);
        if (await page.locator(`#${name} .tip`).isVisible()) return x;
    }
    throw new Error(`nothing on the line at ${y}`);
}

test("the time line tells what is under the pointer, and a click chooses it", async ({ page }) => {
    await open(page);
    const box = (await host(page, "timeline").boundingBox())!;
    const x = await sweep(page, "timeline", 120, 180);
    const tip = page.locator("#timeline .tip");
    await expect(tip).toContainText(/attention: search \d/);
    await expect(tip).toContainText(/ago \(\d+ \w+ \d{4}, \d\d:\d\d UTC\)/);
    await page.mouse.click(box.x + x, box.y + 180);
    const chosen = await page.getByTestId("selected").textContent();
    expect(Number(chosen)).toBeGreaterThanOrEqual(0);
    const title = (await tip.locator("strong").textContent())!;
    await expect(host(page, "timeline")).toHaveAttribute("aria-valuetext", new RegExp(`^${title.replace(/[()]/g, "\\$&")}, `));
    // Beside everything: nothing is chosen.
    await page.mouse.click(box.x + 100, box.y + 125);
    await expect(page.getByTestId("selected")).toHaveText("none");
});

test("wheel, buttons and strip zoom; all shows all again", async ({ page }) => {
    await open(page);
    const box = (await host(page, "timeline").boundingBox())!;
    const shown = async () => {
        await button(page, "timeline", "Select all shown").click();
        const [from, to] = (await page.getByTestId("brushed").textContent())!.split(" ").map(Number);
        return to! - from!;
    };
    const all = await shown();
    await button(page, "timeline", "Zoom in").click();
    expect((await shown()) / all).toBeCloseTo(0.5, 2);
    await button(page, "timeline", "Earlier").click();
    expect((await shown()) / all).toBeCloseTo(0.5, 2);
    await page.mouse.move(box.x + box.width / 2, box.y + 200);
    await page.mouse.wheel(0, -120);
    await expect.poll(shown).toBeLessThan(all * 0.49);
    await button(page, "timeline", "All").click();
    expect((await shown()) / all).toBeCloseTo(1, 3);
    // The left handle of the window over the strip.
    await page.mouse.move(box.x + 87, box.y + 20);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + 20, { steps: 8 });
    await page.mouse.up();
    await expect.poll(shown).toBeLessThan(all * 0.7);
    await button(page, "timeline", "By age").click();
    expect((await shown()) / all).toBeLessThan(0.7);
});

test("a page that scrolls past under the pointer goes on scrolling, and zooms nothing", async ({ page }) => {
    await open(page);
    const box = (await host(page, "timeline").boundingBox())!;
    const picture = () => page.evaluate(() => window.charts.timeline!.toSVG());
    const scrolled = () => page.evaluate(() => window.scrollY);
    const before = await picture();
    await page.mouse.move(box.x + 400, box.y - 60);
    for (let step = 1; step <= 5; step += 1) {
        const from = await scrolled();
        await page.mouse.wheel(0, 50);
        await expect.poll(scrolled).toBeGreaterThan(from);
    }
    expect(await picture()).toBe(before);
    // Whoever then points at something means the chart.
    const there = await scrolled();
    await page.mouse.move(box.x + 410, box.y - 50, { steps: 2 });
    await page.mouse.wheel(0, -120);
    await expect.poll(picture).not.toBe(before);
    expect(await scrolled()).toBe(there);
});

test("dragging selects a stretch, which stays through zoom and is cleared", async ({ page }) => {
    const complaints = await open(page);
    const box = (await host(page, "timeline").boundingBox())!;
    await button(page, "timeline", "Drag to select").click();
    await page.mouse.move(box.x + 300, box.y + 200);
    await page.mouse.down();
    await page.mouse.move(box.x + 420, box.y + 200, { steps: 6 });
    await page.mouse.up();
    const brushed = page.getByTestId("brushed");
    await expect(brushed).toHaveText(/^\d+ \d+$/);
    const range = (await brushed.textContent())!;
    const [from, to] = range.split(" ").map(Number);
    const perPixel = (to! - from!) / 120;
    await button(page, "timeline", "Zoom in").click();
    await expect(brushed).toHaveText(range);
    // The same distance is half the time now.
    await page.mouse.move(box.x + 300, box.y + 200);
    await page.mouse.down();
    await page.mouse.move(box.x + 420, box.y + 200, { steps: 6 });
    await page.mouse.up();
    await expect(brushed).not.toHaveText(range);
    const [closerFrom, closerTo] = (await brushed.textContent())!.split(" ").map(Number);
    expect((closerTo! - closerFrom!) / 120 / perPixel).toBeCloseTo(0.5, 1);
    await button(page, "timeline", "Clear").click();
    await expect(brushed).toHaveText("none");
    expect(complaints).toEqual([]);
});

test("keys go through events and candidates, and a title with script in it stays text", async ({ page }) => {
    const complaints = await open(page);
    const slider = host(page, "timeline");
    await slider.focus();
    await page.keyboard.press("Home");
    await expect(slider).toHaveAttribute("aria-valuenow", "1");
    const first = await page.getByTestId("selected").textContent();
    await page.keyboard.press("ArrowRight");
    await expect(slider).toHaveAttribute("aria-valuenow", "2");
    await expect(page.getByTestId("selected")).not.toHaveText(first!);
    await expect(page.locator("#timeline .tip")).toBeVisible();
    // The third event from the end has markup for a title.
    await page.keyboard.press("End");
    for (let i = 0; i < 8 && (await page.getByTestId("selected").textContent()) !== "997"; i += 1) await page.keyboard.press("ArrowLeft");
    await expect(page.locator("#timeline .tip strong")).toContainText('<img src=x onerror="window.hostile = true"><script>');
    expect(await page.evaluate(() => window.charts.timeline!.toSVG().includes("<img"))).toBe(false);
    await page.keyboard.press("Escape");
    await expect(page.getByTestId("selected")).toHaveText("none");
    await host(page, "movement").focus();
    await page.keyboard.press("Home");
    await expect(host(page, "movement")).toHaveAttribute("aria-valuetext", /soft search: rank \d+, score/);
    expect(await page.evaluate(() => window.hostile)).toBeUndefined();
    expect(complaints).toEqual([]);
});

test("searches, movement and decay answer the pointer", async ({ page }) => {
    await open(page);
    await host(page, "comparison").scrollIntoViewIfNeeded();
    await sweep(page, "comparison", 100, 130);
    await expect(page.locator("#comparison .tip")).toContainText(/picked by (all three|only \w+|\w+ and \w+)/);
    await host(page, "movement").scrollIntoViewIfNeeded();
    const movement = (await host(page, "movement").boundingBox())!;
    await page.mouse.click(movement.x + movement.width - 120, movement.y + 30 + 26 * 4 + 13);
    const key = await page.getByTestId("candidate").textContent();
    expect(key).not.toBe("2");
    await expect(page.locator("#movement .tip")).toContainText("consistent search: rank 5");
    await host(page, "decay").scrollIntoViewIfNeeded();
    const decay = (await host(page, "decay").boundingBox())!;
    await page.mouse.move(decay.x + decay.width / 2, decay.y + 100);
    await expect(page.locator("#decay")).toContainText(/bias of head 1: [+−]\d/);
});

test("another head is another picture", async ({ page }) => {
    await open(page);
    const svgs = () => page.evaluate(() => ["timeline", "comparison", "decay", "by-age"].map((name) => window.charts[name]!.toSVG()));
    const mean = await svgs();
    await page.getByRole("combobox").selectOption("2");
    await expect.poll(async () => (await svgs()).every((svg, i) => svg !== mean[i])).toBe(true);
});

test("the theme changes the pictures, at once", async ({ page }) => {
    await open(page);
    const surface = () =>
        page.evaluate(async () => {
            const bitmap = await createImageBitmap(await window.charts.decay!.toPNG());
            const canvas = new OffscreenCanvas(1, 1).getContext("2d")!;
            canvas.drawImage(bitmap, 0, 0);
            return [...canvas.getImageData(0, 0, 1, 1).data].join(" ");
        });
    expect(await surface()).toBe("255 255 255 255");
    await page.evaluate(() => (document.documentElement.dataset.theme = "dark"));
    await expect.poll(surface).toBe("23 27 34 255");
});

test("charts that are put away leave nothing behind", async ({ page }) => {
    await open(page);
    const devtools = await page.context().newCDPSession(page);
    const held = async () => {
        await devtools.send("HeapProfiler.collectGarbage");
        const { result } = await devtools.send("Runtime.evaluate", { expression: "HTMLCanvasElement.prototype" });
        const { objects } = await devtools.send("Runtime.queryObjects", { prototypeObjectId: result.objectId! });
        const { result: length } = await devtools.send("Runtime.callFunctionOn", { objectId: objects.objectId!, functionDeclaration: "function () { return this.length; }" });
        await devtools.send("Runtime.releaseObject", { objectId: objects.objectId! });
        return length.value as number;
    };
    const shown = page.getByRole("checkbox", { name: "shown" });
    await shown.uncheck();
    await expect(page.locator("canvas")).toHaveCount(0);
    const before = await held();
    for (let i = 0; i < 10; i += 1) {
        await shown.check();
        await expect(page.locator("#movement canvas")).toBeVisible();
        await shown.uncheck();
    }
    await expect(page.locator("canvas")).toHaveCount(0);
    // Eight charts, ten times; the browser itself may hold a few.
    await expect.poll(held).toBeLessThan(before + 8);
});

test("54,000 events zoom and pan", async ({ page }) => {
    await open(page, { events: 54_000 });
    const box = (await host(page, "timeline").boundingBox())!;
    const before = await page.evaluate(() => window.charts.timeline!.toSVG());
    await page.mouse.move(box.x + box.width * 0.6, box.y + 200);
    await page.evaluate(() => {
        window.frameTimes = [];
        let last = performance.now();
        const frame = (now: number) => {
            window.frameTimes.push(now - last);
            last = now;
            requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
    });
    for (let i = 0; i < 60; i += 1) {
        await page.mouse.wheel(0, i < 30 ? -60 : 60);
        await page.waitForTimeout(20);
    }
    const frames = (await page.evaluate(() => window.frameTimes.slice(2))).sort((a, b) => a - b);
    await page.mouse.wheel(0, -600);
    await expect.poll(() => page.evaluate(() => window.charts.timeline!.toSVG())).not.toBe(before);
    const at = (share: number) => frames[Math.floor((frames.length - 1) * share)]!.toFixed(1);
    console.log(`54,000 events, ${frames.length} frames while zooming: median ${at(0.5)} ms, 95th percentile ${at(0.95)} ms, longest ${at(1)} ms`);
});
