/** From a file or an address to what it holds. Nothing is read beyond its first bytes before its kind is known. */

import type { Response } from "lookback/web";
import type { Client } from "../ranker/client";
import { RankerError } from "../ranker/client";
import type { Subject } from "../ranker/protocol";
import { parseJson } from "./json";
import { HEAD_BYTES, type Kind, kindOf } from "./kind";
import { Problem, quoted } from "./problem";
import { isRequest, readRequest } from "./request_json";
import { type Titles, readTitles } from "./titles";

export type Opened =
    | { kind: "bundle" | "shard"; name: string; blob: Blob }
    | {
          kind: "request";
          name: string;
          subject: Subject;
          /** Keys of items that are no numbers. */
          keys: Titles;
          /** What the host answered, where it came as a capture. */
          expected: Response | null;
      }
    | { kind: "titles"; name: string; titles: Titles };

export async function openFile(file: Blob, name: string, client: Client): Promise<Opened> {
    const head = new Uint8Array(await readable(name, file.slice(0, HEAD_BYTES).arrayBuffer()));
    return opened(kindOf(name, head, file.size), name, file, client);
}

export async function openAddress(address: string, client: Client): Promise<Opened> {
    const { name, blob, kind } = await fetched(address);
    return opened(kind, name, blob, client);
}

async function opened(kind: Kind, name: string, blob: Blob, client: Client): Promise<Opened> {
    switch (kind) {
        case "bundle":
        case "shard":
            return { kind, name, blob };
        case "capture": {
            const { request, response } = await decoded(name, client.ask("decodeCapture", [await bytes(name, blob)]));
            return { kind: "request", name, subject: request, keys: new Map(), expected: response };
        }
        case "request message": {
            const subject = await decoded(name, client.ask("decodeRequest", [await bytes(name, blob)]));
            return { kind: "request", name, subject, keys: new Map(), expected: null };
        }
        case "json": {
            const json = parseJson(name, await text(name, blob));
            if (!isRequest(json)) return { kind: "titles", name, titles: readTitles(name, json) };
            const { request, keys } = readRequest(name, json);
            return { kind: "request", name, subject: request, keys, expected: null };
        }
    }
}

async function bytes(name: string, blob: Blob): Promise<Uint8Array> {
    return new Uint8Array(await readable(name, blob.arrayBuffer()));
}

async function text(name: string, blob: Blob): Promise<string> {
    try {
        return new TextDecoder("utf-8", { fatal: true }).decode(await bytes(name, blob));
    } catch (error) {
        if (error instanceof TypeError) throw new Problem(`${quoted(name)} is no UTF-8 text. Save it as UTF-8 and open it again.`);
        throw error;
    }
}

/** Folders and files that changed after they were picked cannot be read. */
async function readable<T>(name: string, reading: Promise<T>): Promise<T> {
    try {
        return await reading;
    } catch (error) {
        if (error instanceof DOMException) {
            throw new Problem(`${quoted(name)} cannot be read (${error.message}). If it is a folder, open the files in it; if it has changed, open it again.`);
        }
        throw error;
    }
}

async function decoded<T>(name: string, answer: Promise<{ value: T }>): Promise<T> {
    try {
        return (await answer).value;
    } catch (error) {
        if (error instanceof RankerError) throw new Problem(`${quoted(name)}: ${error.message}`);
        throw error;
    }
}

async function fetched(address: string): Promise<{ name: string; blob: Blob; kind: Kind }> {
    const shown = quoted(address, 120);
    const url = URL.canParse(address, document.baseURI) ? new URL(address, document.baseURI) : null;
    if (!url || !/^https?:$/.test(url.protocol)) throw new Problem(`${shown} is no address that this page opens. Use http or https, or an address relative to this page.`);
    let response: globalThis.Response;
    try {
        response = await fetch(url);
    } catch (error) {
        if (error instanceof TypeError) {
            throw new Problem(`${shown} cannot be fetched. Check the address; a server of another origin must allow this page (Access-Control-Allow-Origin).`);
        }
        throw error;
    }
    if (!response.ok || !response.body) throw new Problem(`${shown} cannot be fetched: the server answered ${response.status}. Check the address.`);
    const name = decodeURIComponent(url.pathname.split("/").at(-1) || url.host);
    const length = Number(response.headers.get("content-length") ?? 0);

    const reader = response.body.getReader();
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let size = 0;
    let kind: Kind | null = null;
    try {
        for (let read = await reader.read(); !read.done; read = await reader.read()) {
            chunks.push(read.value);
            size += read.value.length;
            if (kind !== null || size >= HEAD_BYTES) kind = kindOf(name, head(chunks), Math.max(size, length));
        }
        kind ??= kindOf(name, head(chunks), size);
    } catch (error) {
        await reader.cancel();
        if (error instanceof TypeError) throw new Problem(`${shown} broke off after ${size} bytes. Try again.`);
        throw error;
    }
    return { name, blob: new Blob(chunks), kind };
}

function head(chunks: readonly Uint8Array[]): Uint8Array {
    const bytes = new Uint8Array(HEAD_BYTES);
    let at = 0;
    for (const chunk of chunks) {
        bytes.set(chunk.subarray(0, HEAD_BYTES - at), at);
        at += Math.min(chunk.length, HEAD_BYTES - at);
        if (at === HEAD_BYTES) break;
    }
    return bytes.subarray(0, at);
}
