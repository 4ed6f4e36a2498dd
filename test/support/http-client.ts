// A caller: sends requests byte by byte as the test wrote them, and reads answers with the strict reader.
import { type Head, Malformed, type Message, MessageReader, methodOf, statusOf, valueOf } from "./http-text.ts";
import { Peer } from "./peer.ts";
import type { World } from "./world.ts";

/** One final answer. */
export interface Answer extends Message {
  readonly status: number;
  /** Statuses of the 1xx answers before it. */
  readonly interim: readonly number[];
}

/** One connection to the proxy. */
export class HttpClient {
  readonly peer: Peer;
  /** Final answers, in order. */
  readonly answers: Answer[] = [];
  /** Heads seen so far, interim ones too. */
  readonly heads: Head[] = [];
  /** Why the answers could not be read. */
  problem: string | null = null;
  readonly #world: World;
  readonly #reader: MessageReader;
  #interim: number[] = [];

  constructor(world: World, port: number, host?: string) {
    this.#world = world;
    this.#reader = new MessageReader(
      "answer",
      (message) => this.#take(message),
      (head) => void this.heads.push(head),
    );
    this.peer = Peer.connect(world, port, host);
    this.peer.onChunk = (chunk) => this.#read(() => this.#reader.push(chunk));
    this.peer.onPeerEnd = () => this.#read(() => void this.#reader.finish());
    this.peer.onGone = world.atEnd(() => this.close());
  }

  /** What has arrived of a body that is not complete. */
  get partialBody(): string {
    return this.#reader.partialBody;
  }

  /** Has an answer begun that is not complete? */
  get midway(): boolean {
    return this.#reader.midway;
  }

  /** Has the proxy let go of the connection? */
  get over(): boolean {
    return this.peer.ended || this.peer.closed;
  }

  #read(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.problem ??= error.message;
    }
  }

  #take(message: Message): void {
    const status = statusOf(message);
    if (status < 200) {
      this.#interim.push(status);
      return;
    }
    this.answers.push({ ...message, status, interim: this.#interim });
    this.#interim = [];
  }

  /** Sends a request, or several, as they are. `methods` only where an answer's framing depends on it. */
  send(text: string, ...methods: readonly string[]): void {
    this.#reader.methods.push(...(methods.length > 0 ? methods : [methodOf({ line: text })]));
    this.peer.send(text);
  }

  /** Sends one request and waits for its answer. */
  async ask(text: string): Promise<Answer> {
    const before = this.answers.length;
    this.send(text);
    await this.answered(before + 1);
    return this.answers[before] as Answer; // it was waited for
  }

  /** Waits until so many answers have come in all. */
  async answered(count: number): Promise<void> {
    await this.#world.until(
      () => `answer ${count}; so far ${JSON.stringify(this.answers.map((a) => a.raw))}, ${this.#state()}`,
      () => this.answers.length >= count || this.problem !== null,
    );
    if (this.problem !== null) throw new Error(this.problem);
  }

  #state(): string {
    const { closed, ended, errorCode } = this.peer;
    return `ended: ${ended}, closed: ${closed} ${errorCode}, partial body of ${this.partialBody.length}`;
  }

  /** Waits until the proxy has ended the connection. */
  async released(): Promise<void> {
    await this.#world.until("the connection to end", () => this.over);
  }

  close(): void {
    this.peer.destroy();
  }
}

/** The cause an answer names, without its details; `""` when it names none. */
export function causeOf(answer: Message): string {
  return (valueOf(answer, "fairlead-cause") ?? "").split(";")[0] as string;
}
