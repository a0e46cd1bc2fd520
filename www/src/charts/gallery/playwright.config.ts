import { defineConfig } from "@playwright/test";
import { fileURLToPath } from "node:url";
import page from "../../../playwright.config";

const PORT = Number(process.env.GALLERY_PORT ?? 4175);
const vite = (verb: string) => `vite ${verb} --config ${fileURLToPath(new URL("vite.config.ts", import.meta.url))}`;

/** The charts by themselves: everything else as for the page, but for one after another, for frames are timed. */
export default defineConfig({
    ...page,
    workers: 1,
    projects: [{ name: "charts" }],
    testDir: ".",
    outputDir: "../../../../target/lookback/gallery-tests",
    use: { ...page.use, baseURL: `http://127.0.0.1:${PORT}/` },
    webServer: {
        command: `${vite("build")} --logLevel warn && ${vite("preview")} --host 127.0.0.1 --strictPort --port ${PORT}`,
        url: `http://127.0.0.1:${PORT}/`,
        reuseExistingServer: false,
        stdout: "ignore",
    },
});
