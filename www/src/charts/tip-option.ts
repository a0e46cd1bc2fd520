/** The library's tooltip, filled with text nodes: a title is never read as markup. */

import type { TooltipComponentOption } from "echarts";
import type { Palette } from "./palette";

export interface TipWords {
    title: string;
    lines: readonly string[];
}

/** `words` gets the value on the axis under the pointer, or the index of the item. */
export function tipOption(palette: Palette, trigger: "axis" | "item", words: (at: number) => TipWords): TooltipComponentOption {
    return {
        trigger,
        confine: true,
        transitionDuration: 0,
        padding: [8, 10],
        backgroundColor: palette.surface,
        borderColor: palette.lineStrong,
        borderWidth: 1,
        textStyle: { color: palette.text2, fontSize: 12, fontFamily: palette.font },
        extraCssText: "border-radius:6px;max-width:320px;white-space:normal;overflow-wrap:anywhere;box-shadow:var(--shadow);",
        formatter: (params) => {
            const first = (Array.isArray(params) ? params[0] : params) as { axisValue?: number; dataIndex: number } | undefined;
            if (!first) return "";
            return element(words(trigger === "axis" ? Number(first.axisValue) : first.dataIndex), palette);
        },
    };
}

function element({ title, lines }: TipWords, palette: Palette): HTMLElement {
    const box = document.createElement("div");
    const strong = document.createElement("strong");
    strong.textContent = title;
    strong.style.color = palette.text;
    box.append(strong);
    for (const line of lines) {
        const row = document.createElement("div");
        row.textContent = line;
        box.append(row);
    }
    return box;
}
