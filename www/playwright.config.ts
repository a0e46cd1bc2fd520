import { defineConfig } from "@playwright/test";
import { userInfo } from "node:os";

const PORT = Number(process.env.INSPECTOR_PORT ?? 4174);
// Chromium's own sandbox does not start for the superuser.
const superuser = userInfo().uid === 0;
const MEASURED = "latency.spec.ts";

export default defineConfig({
    testDir: "tests",
    outputDir: "../target/lookback/inspector-tests",
    fullyParallel: false,
    workers: 2,
    timeout: 90_000,
    expect: { timeout: 30_000 },
    reporter: [["list"]],
    use: {
        baseURL: `http://127.0.0.1:${PORT}/`,
        viewport: { width: 1366, height: 768 },
        launchOptions: {
            // Debian's, never one that was downloaded.
            executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
            args: ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", ...(superuser ? ["--no-sandbox"] : [])],
        },
        acceptDownloads: true,
        // No trace, for one is recorded of each test that passes too, and doubles its time: `--trace retain-on-failure` does.
        screenshot: "only-on-failure",
    },
    projects: [
        { name: "page", testIgnore: MEASURED },
        // By itself: others would slow down what is timed. Not dependent on the page's, for a filter leaves all of those.
        { name: "times", testMatch: MEASURED },
    ],
    webServer: {
        command: `vite preview --host 127.0.0.1 --strictPort --port ${PORT}`,
        url: `http://127.0.0.1:${PORT}/`,
        reuseExistingServer: false,
        stdout: "ignore",
    },
});
