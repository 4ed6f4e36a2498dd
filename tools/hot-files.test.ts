import { expect, test } from "vitest";
import { accessorProblems, hotProblems } from "./hot-files.ts";

/** What the checker says of a method with this body in a hot file. */
function inMethod(body: string): string[] {
  return hotProblems(`// @hot Subject.\nexport class A {\n  run(): void {\n${body}\n  }\n}\n`);
}

test.each([
  "await this.x;",
  "const f = async () => 1;",
  "return new Promise(done);",
  "this.x.then(done);",
  "const y = { ...x };",
  "xs.map((x) => x + 1);",
  "xs.forEach(see);",
  "const f = this.x.bind(this);",
  "for (const k of Object.keys(x)) see(k);",
])("A hot file goes without: %s", (line) => {
  expect(inMethod(line)).toEqual([expect.stringMatching(/^4: .*@hot/)]);
});

test("A file that is not hot may use all of them", () => {
  expect(hotProblems("// Subject.\nasync function f() { await Promise.all([...xs].map(g)); }")).toEqual([]);
});

test("Comments and strings of a hot file are not code", () => {
  expect(inMethod('// await the answer …\nlog("async ...");\n/* xs.map(f) */')).toEqual([]);
});

test("A waiver with a reason frees its line, and one without does not", () => {
  expect(inMethod("xs.map(f); // cold: once per connection")).toEqual([]);
  expect(inMethod("xs.map(f); // cold:")).toHaveLength(1);
});

test("A waiver on a line of its own frees the block below it and nothing after", () => {
  const block = "// cold: while compiling\nif (\n  x\n) {\n  xs.map(f);\n  ys.map(f);\n}\nzs.map(f);";
  expect(inMethod(block)).toEqual([expect.stringMatching(/^11:/)]);
  expect(inMethod("// cold: while compiling\nxs.map(f);\nys.map(f);")).toEqual([expect.stringMatching(/^6:/)]);
});

test("Constructors and code that runs at load are free", () => {
  const text = `// @hot Subject.
const NAMES = [...A, ...B].map((name) => name.length);
export class A {
  constructor(
    xs: number[],
  ) {
    this.xs = xs.map(f);
  }
  run(): void {
    this.xs.map(f);
  }
}
const each = (xs: number[]) => xs.map(f);
`;
  expect(hotProblems(text)).toEqual([expect.stringMatching(/^10:/), expect.stringMatching(/^13:/)]);
});

test("A getter in an object literal is found, one of a class is not", () => {
  const text = `class A<T extends { x: 1 }> extends B {
  get size() {
    return { get x() { return 1; } };
  }
}
const context = {
  get limit() {
    return 1;
  },
  // cold: for the dashboard
  get name() {
    return "";
  },
  get: 1,
};
interface C {
  get size(): number;
}
`;
  expect(accessorProblems(text)).toEqual([expect.stringMatching(/^7: a getter/)]);
});
