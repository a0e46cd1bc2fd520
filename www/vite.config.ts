import { svelte } from "@sveltejs/vite-plugin-svelte";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

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
    worker: { format: "es" },
    test: { include: ["src/**/*.test.ts"] },
});
