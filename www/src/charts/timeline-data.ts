/** What the time line shows, as words and as a table. */

import { ACTIONS, type Attended, type Head, type History, type Table } from "./contract";
import { actionsOf } from "./lanes";
import { headName, headOf, headsOf, LISTS, weighed, weightOf } from "./weights";
import { ageInWords, ago, counted, dateInWords, listed, percent } from "./words";

/** Events that attention looked at in any list, once each, oldest first. */
export function attendedEvents(history: History, attended: Attended): number[] {
    const events = new Set(LISTS.flatMap(({ list }) => attended[list].map(({ event }) => event)));
    return [...events].sort((a, b) => history.time[a]! - history.time[b]! || a - b);
}

/** `search 4.2% · recent 3.0%`; empty where attention did not look at the event. */
export function weightsInWords(attended: Attended, head: Head, event: number): string {
    const words = LISTS.flatMap(({ list, label }) => {
        const found = attended[list].find((one) => one.event === event);
        return found ? [`${label} ${percent(weightOf(found, headOf(attended[list], head)))}`] : [];
    });
    return words.length === 0 ? "" : `attention: ${words.join(" · ")}`;
}

export function timelineSummary(history: History, attended: Attended, head: Head): string {
    const count = history.time.length;
    const simulated = history.simulated ? " The person is simulated." : "";
    if (count === 0) return `This person has no events.${simulated}`;
    let first = Infinity;
    for (const time of history.time) first = Math.min(first, time);
    const span = `${counted(count, "event")} over ${ageInWords(Math.max(history.now - first, 0))}`;
    const best = weighed(attended.long, head)[0];
    if (!best) return `${span}. Search picked none of them.${simulated}`;
    const apart = [
        attended.recent.length > 0 ? counted(attended.recent.length, "recent event") : "",
        attended.skips.length > 0 ? counted(attended.skips.length, "skip") : "",
    ].filter((part) => part !== "");
    const beside = apart.length > 0 ? `, beside ${listed(apart)}` : "";
    const time = history.time[best.event]!;
    const fewer = LISTS.filter(({ list }) => headOf(attended[list], head) !== head && attended[list].length > 0);
    const means = fewer.length > 0 ? ` ${fewer.map(({ label }) => `Of ${label}, which have fewer heads, the mean is shown.`).join(" ")}` : "";
    return (
        `${span}; search picked ${attended.long.length} of them${beside}. Most attention (${headName(head)}): ` +
        `${history.title(best.event)}, ${ago(time, history.now)}, ${percent(best.weight)}.${means}${simulated}`
    );
}

/** Every event that attention looked at, by list, most attention first. */
export function timelineTable(history: History, attended: Attended): Table {
    const action = actionsOf(history);
    const heads = Array.from({ length: headsOf(attended) }, (_, head) => head);
    const rows = LISTS.flatMap(({ list, label }) =>
        attended[list].map((one) => {
            const time = history.time[one.event]!;
            return [
                label,
                one.event,
                history.title(one.event),
                ACTIONS[action[one.event]!]!,
                history.categories[history.category[one.event]! - 1] ?? "unknown",
                dateInWords(time),
                ago(time, history.now),
                weightOf(one, "mean"),
                // A part with fewer heads leaves the rest empty.
                ...heads.map((head) => one.heads[head] ?? ""),
            ];
        }),
    );
    const columns = ["list", "event", "title", "action", "category", "time", "age", "mean weight", ...heads.map(headName)];
    return { columns, rows };
}
