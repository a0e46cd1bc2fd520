/** Items as the page tells them apart: by their id in decimal, since a number cannot hold every unsigned 64-bit id. */

import type { Item } from "lookback/web";

export const MAX_ID = (1n << 64n) - 1n;

export function keyOf(item: Item): string {
    return item.toString();
}

/** A number where it is safe, a bigint beyond. */
export function itemOf(id: bigint): Item {
    return id <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(id) : id;
}

/** Ids as the ranker takes them fastest. */
export function idsOf(items: readonly Item[] | BigUint64Array): BigUint64Array {
    return items instanceof BigUint64Array ? items : BigUint64Array.from(items, (item) => BigInt(item));
}
