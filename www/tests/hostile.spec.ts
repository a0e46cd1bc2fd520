import { alert, bytesOf, drop, expect, file, items, models, open, real, settled, simulated, test, thousand } from "./page";

test("what is broken, foreign or empty is refused with what to do next, and nothing changes", async ({ page }) => {
    await open(page, `person=${thousand.id}`);
    const before = await items(page);
    const bundle = bytesOf(simulated.bundle);
    const shard = bytesOf(simulated.shard);
    const capture = bytesOf(thousand.capture);
    const flipped = Buffer.from(shard);
    flipped[shard.length >> 1]! ^= 1;
    const refusals: [string, Buffer, RegExp][] = [
        ["empty.lbb", Buffer.alloc(0), /is empty/],
        ["noise.bin", Buffer.from([0, 1, 2, 3, 4, 5, 250]), /is no file that this page reads/],
        ["photo.zip", Buffer.from("PK\x03\x04rest"), /zip archive/],
        ["page.html", Buffer.from("<!doctype html><script>alert(1)</script>"), /HTML or XML/],
        ["module.wasm", Buffer.from("\0asm\x01\0\0\0"), /WebAssembly module/],
        ["short.lbb", bundle.subarray(0, bundle.length >> 1), /bundle/],
        ["short.lbs", shard.subarray(0, shard.length >> 1), /shard/],
        ["flipped.lbs", flipped, /shard|hash/],
        ["short.lbc", capture.subarray(0, capture.length - 9), /truncated or damaged/],
        ["future.lbc", Buffer.concat([Buffer.from("LBCP"), Buffer.from([99, 0, 0, 0]), capture.subarray(8)]), /version 99/],
        ["alien.lbs", bytesOf(real.shard), /embedding version/],
        ["made-up.lbb", models("made-up/bundle.lbb"), /embedding version|embedding_dim|version/],
        ["broken.json", Buffer.from('{"now": 1, "candidates": [1, 2'), /no valid JSON/],
        ["typo.json", Buffer.from('{"now": 1, "candidates": [1], "histroy": []}'), /histroy/],
        ["deep.json", Buffer.from(`{"now": ${"[".repeat(1_000_000)}`), /nests deeper than 8 levels/],
        ["wide.json", Buffer.from(`{"now": 1, "candidates": [1], "items": [{"item": 1, "category": 0, "embedding": [1], "features": []}]}`), /embedding has 1 numbers, expected 64/],
        ["weights.json", Buffer.from('{"now": 1, "candidates": [1], "weights": {"click": 0, "save": 0}}'), /not both zero/],
        ["latin.json", Buffer.from([0x7b, 0x22, 0xe9, 0x22, 0x3a, 0x31, 0x7d]), /no UTF-8/],
    ];
    for (const [name, bytes, says] of refusals) {
        await drop(page, [{ name, buffer: bytes }]);
        await expect(alert(page), name).toContainText(says);
        await expect(alert(page), name).not.toContainText("This page made a mistake");
        expect(await items(page), name).toEqual(before);
        await alert(page).getByRole("button", { name: "Close" }).click();
    }
    // What was open goes on answering.
    await page.getByRole("radio", { name: "Hard" }).check();
    await expect.poll(() => items(page)).not.toEqual(before);
});

test("200 MB that are none of ours are refused from their first bytes", async ({ page }) => {
    await page.goto("./");
    const said = await page.evaluate(async () => {
        let read = 0;
        const slice = Blob.prototype.slice;
        // Counts what the page asks of the file.
        Blob.prototype.slice = function (start, end, type) {
            read += Math.min(end ?? this.size, this.size) - (start ?? 0);
            return slice.call(this, start, end, type);
        };
        for (const whole of ["arrayBuffer", "text", "stream"] as const) {
            const original = Blob.prototype[whole] as (this: Blob) => never;
            Blob.prototype[whole] = function (this: Blob) {
                if (this.size > 1e6) read += this.size;
                return original.call(this);
            } as never;
        }
        const chunk = new Uint8Array(10_000_000).fill(120);
        const transfer = new DataTransfer();
        transfer.items.add(new File(Array.from({ length: 20 }, () => chunk), "huge.bin"));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
        while (!document.querySelector('[role="alert"]')?.textContent?.includes("huge.bin")) await new Promise((done) => setTimeout(done, 20));
        return { read, text: document.querySelector('[role="alert"]')!.textContent };
    });
    expect(said.text).toContain("is no file that this page reads");
    expect(said.read).toBeLessThan(1000);
});

test("200 MB of JSON are refused by their size", async ({ page }) => {
    await page.goto("./");
    await page.evaluate(() => {
        const chunk = new Uint8Array(10_000_000).fill(32);
        const transfer = new DataTransfer();
        transfer.items.add(new File(['{"now":', ...Array.from({ length: 20 }, () => chunk)], "huge.json"));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
    });
    await expect(alert(page)).toContainText(/JSON file of 200 MB; this page reads up to 64 MB/);
});

test("200 MB that start like a shard are read, and refused by what they hold", async ({ page }) => {
    test.setTimeout(180_000);
    await open(page, `person=${thousand.id}`);
    const before = await items(page);
    await page.evaluate(() => {
        const chunk = new Uint8Array(10_000_000);
        const transfer = new DataTransfer();
        transfer.items.add(new File(["LBSHARD\0", ...Array.from({ length: 20 }, () => chunk)], "huge.lbs"));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
    });
    await expect(alert(page)).toContainText("huge.lbs", { timeout: 90_000 });
    expect(await items(page)).toEqual(before);
});

test("a script in a title is text", async ({ page }) => {
    const person = real.people[1]!;
    const nasty = `<img src=x onerror="window.owned=1"><script>window.owned=1</script>`;
    const titles = Object.fromEntries(Object.keys(JSON.parse(bytesOf(real.titles).toString())).map((id) => [id, `${nasty} ${id}`]));
    await page.goto("./");
    await page.getByTestId("files-a").setInputFiles([
        file("b.lbb", bytesOf(real.bundle)), file("s.lbs", bytesOf(real.shard)), file("c.lbc", bytesOf(person.capture)),
        file("titles.json", JSON.stringify(titles)), 
    ]);
    await settled(page);
    await expect(page.getByRole("heading", { level: 2, name: nasty })).toBeVisible();
    for (const view of ["Searches", "What if", "Compare", "Numbers", "Attention"]) {
        await page.getByRole("tab", { name: view }).click();
        await settled(page);
    }
    // Tips of charts hold titles too.
    const box = (await page.getByRole("slider", { name: "Events that attention looked at, oldest first" }).boundingBox())!;
    for (let x = 0.2; x < 1; x += 0.02) await page.mouse.move(box.x + box.width * x, box.y + box.height - 60);
    expect(await page.evaluate(() => "owned" in window)).toBe(false);
    expect(await page.locator("img, script:not([src])").count()).toBe(0);
});

test("a link that is nonsense is told, and does nothing", async ({ page }) => {
    await page.goto("./#person=nobody/1");
    await expect(alert(page)).toContainText("Nobody called “nobody/1” comes with this page");
    await page.goto("about:blank");
    await page.goto("./#bundle=javascript:alert(1)&shard=data:x&request=file:///etc/passwd");
    await expect(alert(page)).toContainText("is no address that this page opens");
    await open(page, `person=${thousand.id}&edits=r0-999999&gsu=best&candidate=<script>`);
    await expect(page.getByText(/The link's edits do not fit this history|The link says something/).first()).toBeVisible();
    await expect(page.getByRole("button", { name: "Undo" })).toBeDisabled();
});
