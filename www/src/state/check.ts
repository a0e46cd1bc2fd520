/** Whether the module in this page answers what the host answered, to the last bit. */

import type { Response } from "lookback/web";
import { keyOf } from "../ranker/item";

export type Check =
    | { same: true; candidates: number }
    | { same: false; why: string };

export function check(expected: Response, got: Response): Check {
    if (expected.bundle_hash !== got.bundle_hash) {
        return { same: false, why: `The capture was made with another bundle (${short(expected.bundle_hash)}) than the one that is open (${short(got.bundle_hash)}).` };
    }
    if (expected.shard_hash !== got.shard_hash) {
        return { same: false, why: `The capture was made with another shard (${short(expected.shard_hash)}) than the one that is open (${short(got.shard_hash)}).` };
    }
    if (expected.answered_by !== got.answered_by) {
        return { same: false, why: `The host's answer came from ${source(expected)}, this page's from ${source(got)}.` };
    }
    const differing = expected.ranked.filter((one, at) => {
        const other = got.ranked[at];
        return (
            !other || keyOf(one.item) !== keyOf(other.item) || one.p_click !== other.p_click || one.p_save !== other.p_save ||
            one.score !== other.score || one.logits?.[0] !== other.logits?.[0] || one.logits?.[1] !== other.logits?.[1]
        );
    }).length + Math.max(0, got.ranked.length - expected.ranked.length);
    return differing === 0
        ? { same: true, candidates: expected.ranked.length }
        : { same: false, why: `${differing} of ${expected.ranked.length} candidates differ from the host's answer, with the same bundle and shard. Please report this.` };
}

const short = (hash: string) => hash.slice(0, 12);
const source = (response: Response) => response.answered_by.replaceAll("_", " ");
