/** Light or dark: as the system says, until the person chooses. */

export type Theme = "light" | "dark";

const dark = matchMedia("(prefers-color-scheme: dark)");
let chosen: Theme | null = null;
let shown = $state<Theme>(dark.matches ? "dark" : "light");

function show(): void {
    shown = chosen ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = shown;
}

dark.addEventListener("change", show);
show();

export const theme = {
    get shown(): Theme {
        return shown;
    },
    toggle(): void {
        chosen = shown === "dark" ? "light" : "dark";
        show();
    },
};
