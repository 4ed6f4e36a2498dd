// Counts cases and says what happens as it happens: one line per case, and what each peer took.

/** A whole run. */
export class Report {
  passed = 0;
  failed = 0;
  skipped = 0;
  readonly #started = performance.now();
  #peer = "";

  /** Runs everything of one peer and says how long it took. */
  async peer(name: string, run: () => Promise<void>): Promise<void> {
    const started = performance.now();
    const failed = this.failed;
    this.#peer = name;
    await run().catch((error: unknown) => this.fail("runs to its end", error));
    const verdict = this.failed === failed ? "" : ", with failures";
    console.log(`── ${name}: ${seconds(started)}${verdict}\n`);
  }

  /** Runs one case. */
  async case(name: string, run: () => void | Promise<void>): Promise<void> {
    const started = performance.now();
    try {
      await run();
      this.pass(name, seconds(started));
    } catch (error) {
      this.fail(name, error);
    }
  }

  pass(name: string, took = ""): void {
    this.passed++;
    console.log(`   ok       ${this.#peer}: ${name}${took === "" ? "" : ` (${took})`}`);
  }

  fail(name: string, why: unknown): void {
    this.failed++;
    console.log(`   FAILED   ${this.#peer}: ${name}\n            ${textOf(why).replaceAll("\n", "\n            ")}`);
  }

  skip(name: string, why: string): void {
    this.skipped++;
    console.log(`   skipped  ${this.#peer}: ${name}: ${why}`);
  }

  /** The last line, which .ci/run adds up. */
  end(): void {
    console.log(`${seconds(this.#started)} in all`);
    console.log(`${this.passed} passed, ${this.failed} failed, ${this.skipped} skipped`);
  }
}

function seconds(sinceMs: number): string {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}

function textOf(why: unknown): string {
  return why instanceof Error ? why.message : String(why);
}
