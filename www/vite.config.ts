import { svelte } from "@sveltejs/vite-plugin-svelte";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** As in index.html, and what a meta element cannot say. */
const POLICY = `${/http-equiv="Content-Security-Policy"\s+content="([^"]+)"/.exec(readFileSync(at("index.html"), "utf8"))?.[1]}; frame-ancestors 'none'`;

export default defineConfig({
    plugins: [svelte()],
    // Relative addresses, so that the page can lie in any folder of any server.
    base: "./",
    resolve: { alias: { "lookback/web": at("../target/lookback/npm/lookback/web.js") } },
    build: {
        outDir: at("../target/lookback/inspector"),
        emptyOutDir: true,
        target: "es2022",
        // Inlined fonts and modules would need a looser Content-Security-Policy.
        assetsInlineLimit: 0,
        chunkSizeWarningLimit: 900,
    },
    // A file that is missing is missing: people.json where the page is hosted without people.
    appType: "mpa",
    // What docs/inspector.md asks of a web server.
    preview: { headers: { "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer" } },
    worker: { format: "es" },
    test: { include: ["src/**/*.test.ts"] },
});
