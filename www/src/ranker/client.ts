/** Questions to the worker, one at a time, the most urgent first; a question that is overtaken is never asked. */

import type { Answer, Calls, Name, Question, Reply } from "./protocol";

/** The ranker's own error, on the page's side. */
export class RankerError extends Error {
    override name = "RankerError";
    constructor(
        message: string,
        readonly code: string | null,
    ) {
        super(message);
    }
}

/** A later question on the same channel took this one's place. */
export class Overtaken extends Error {
    override name = "Overtaken";
}

export interface Options {
    /** A waiting question is overtaken by the next one of its channel. */
    channel?: string;
    /** Higher goes first; 0 where it is left out. */
    urgency?: number;
    /** Buffers that move to the worker. */
    transfer?: Transferable[];
}

export interface Timed<T> {
    value: T;
    /** What the worker took. */
    milliseconds: number;
}

interface Waiting {
    question: Question;
    options: Options;
    resolve(answer: Timed<unknown>): void;
    reject(error: Error): void;
}

/** What a Worker is to the client; tests bring another. */
export interface Port {
    postMessage(message: unknown, transfer: Transferable[]): void;
    addEventListener(type: "message", listener: (event: MessageEvent<Reply>) => void): void;
    addEventListener(type: "error" | "messageerror", listener: (event: Event) => void): void;
}

export class Client {
    #waiting: Waiting[] = [];
    #asked: Waiting | null = null;
    #next = 0;
    #lost: Error | null = null;

    constructor(private readonly port: Port) {
        port.addEventListener("message", ({ data }) => this.#answer(data));
        for (const type of ["error", "messageerror"] as const) port.addEventListener(type, (event) => this.#lose(event));
    }

    async ask<N extends Name>(name: N, given: Parameters<Calls[N]>, options: Options = {}): Promise<Timed<Answer<N>>> {
        if (this.#lost) throw this.#lost;
        if (options.channel !== undefined) this.drop(options.channel);
        return new Promise((resolve, reject) => {
            const question = { id: this.#next++, name, arguments: given };
            this.#waiting.push({ question, options, resolve: resolve as Waiting["resolve"], reject });
            this.#post();
        });
    }

    /** Questions of a channel that still wait are never asked. */
    drop(channel: string): void {
        const overtaken = this.#waiting.filter((waiting) => waiting.options.channel === channel);
        this.#waiting = this.#waiting.filter((waiting) => waiting.options.channel !== channel);
        for (const { reject } of overtaken) reject(new Overtaken(channel));
    }

    #post(): void {
        if (this.#asked || this.#waiting.length === 0) return;
        const urgency = (waiting: Waiting) => waiting.options.urgency ?? 0;
        const most = Math.max(...this.#waiting.map(urgency));
        const at = this.#waiting.findIndex((waiting) => urgency(waiting) === most);
        const [next] = this.#waiting.splice(at, 1);
        if (!next) return;
        this.#asked = next;
        this.port.postMessage(next.question, next.options.transfer ?? []);
    }

    #answer(reply: Reply): void {
        const asked = this.#asked;
        if (asked?.question.id !== reply.id) throw new Error(`the worker answered ${reply.id}, which nobody asked`);
        this.#asked = null;
        this.#post();
        if ("error" in reply) asked.reject(new RankerError(reply.error.message, reply.error.code));
        else asked.resolve({ value: reply.value, milliseconds: reply.milliseconds });
    }

    #lose(event: Event): void {
        const message = event instanceof ErrorEvent && event.message ? `: ${event.message}` : "";
        this.#lost = new Error(`The ranker's worker stopped${message}. Reload the page; what the link holds is kept.`);
        for (const { reject } of [...(this.#asked ? [this.#asked] : []), ...this.#waiting]) reject(this.#lost);
        this.#asked = null;
        this.#waiting = [];
    }
}

export function start(): Client {
    return new Client(new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "ranker" }));
}
