// The text of name trees and delegation tables (linkerd1 §3.2, the grammar of Finagle's name tree and dtab parsers).
//
//   dtab     := [dentry] { ";" [dentry] }
//   dentry   := prefix "=>" tree
//   prefix   := "/" | ("/" (segment | "*"))+
//   tree     := union { "|" union }
//   union    := weighted { "&" weighted }
//   weighted := [ number "*" ] simple
//   simple   := path | "!" | "~" | "$" | "(" tree ")"
//
// Blanks and `#` comments may stand between any two tokens; inside a segment "#" is an ordinary character.
import { type Dentry, Dtab } from "../core/dtab.ts";
import { empty, fail, leaf, type NameTree, neg, type Weighted } from "../core/name-tree.ts";
import { type Path, scanPath, scanPlainSegments, scanSegment } from "../core/path.ts";
import { type Prefix, wildcard } from "../core/prefix.ts";
import { scan, type Scanner, SyntaxProblem } from "../core/syntax.ts";

/** Parentheses inside parentheses: far more than anybody writes, far less than the stack holds. */
const MAX_NESTING = 100;
const MAX_WEIGHT = 1e9;

export function parseDtab(text: string): Dtab | SyntaxProblem {
  return scan(text, scanDtab);
}

export function parseTree(text: string): NameTree<Path> | SyntaxProblem {
  return scan(text, (scanner) => {
    const tree = scanTree(scanner, 0);
    scanner.expectEnd("the name");
    return tree;
  });
}

/** A dtab from text that is known to be well formed, such as a constant. @throws SyntaxProblem */
export function dtabFrom(text: string): Dtab {
  const dtab = parseDtab(text);
  if (dtab instanceof SyntaxProblem) throw dtab;
  return dtab;
}

/** A tree from text that is known to be well formed, such as a constant. @throws SyntaxProblem */
export function treeFrom(text: string): NameTree<Path> {
  const tree = parseTree(text);
  if (tree instanceof SyntaxProblem) throw tree;
  return tree;
}

function scanDtab(scanner: Scanner): Dtab {
  const entries: Dentry[] = [];
  while (!scanner.done) {
    const entry = scanEntry(scanner);
    if (entry !== undefined) entries.push(entry);
  }
  return Dtab.of(entries);
}

/** Reads one entry and the ";" behind it, if there is one; undefined when there is no entry before that. @throws SyntaxProblem */
export function scanEntry(scanner: Scanner): Dentry | undefined {
  scanner.skipBlanks();
  const entry = scanner.done || scanner.peek() === ";" ? undefined : scanDentry(scanner);
  scanner.skipBlanks();
  if (!scanner.take(";") && !scanner.done) scanner.fail(afterEntry(scanner));
  return entry;
}

function afterEntry(scanner: Scanner): string {
  if (scanner.peek() === "/") return 'two entries need ";" between them, two alternatives "|"';
  if (scanner.peek() === ",") return 'entries are separated by ";", not ","';
  return 'expected ";" and another entry, or the end';
}

function scanDentry(scanner: Scanner): Dentry {
  const start = scanner.at;
  const prefix = scanPrefix(scanner);
  const written = scanner.source.slice(start, scanner.at);
  scanner.skipBlanks();
  if (!scanner.take("=>")) scanner.fail(`expected "=>" after ${written}; an entry is ${written} => /another/name`);
  scanner.skipBlanks();
  if (scanner.done || scanner.peek() === ";") {
    scanner.fail(
      `${written} => has no right-hand side; write ${written} => /#/io.l5d.fs, or ${written} => ~ for "no such name"`,
    );
  }
  return { prefix, dst: scanTree(scanner, 0) };
}

function scanPrefix(scanner: Scanner): Prefix {
  const plain = scanPlainSegments(scanner);
  if (plain !== undefined) return plain;
  if (!scanner.take("/")) scanner.fail('a prefix begins with "/"');
  if (isAfterPrefix(scanner)) return [];
  const elements: (string | typeof wildcard)[] = [scanElement(scanner)];
  while (scanner.take("/")) elements.push(scanElement(scanner));
  return elements;
}

function isAfterPrefix(scanner: Scanner): boolean {
  return scanner.done || /[\s=]/.test(scanner.peek());
}

function scanElement(scanner: Scanner): string | typeof wildcard {
  const starred = scanner.take("*");
  if (!starred) {
    const segment = scanSegment(scanner);
    if (scanner.peek() === "*") scanner.fail('"*" stands for a whole segment and cannot end one');
    return segment;
  }
  if (scanner.peek() !== "/" && !isAfterPrefix(scanner))
    scanner.fail('"*" stands for a whole segment; nothing can follow it but "/"');
  return wildcard;
}

function scanTree(scanner: Scanner, nesting: number): NameTree<Path> {
  const trees = [scanUnion(scanner, nesting)];
  while (scanner.take("|")) trees.push(scanUnion(scanner, nesting));
  return trees.length === 1 && trees[0] !== undefined ? trees[0] : { kind: "alt", trees };
}

function scanUnion(scanner: Scanner, nesting: number): NameTree<Path> {
  const branches = [scanWeighted(scanner, nesting)];
  while (scanner.take("&")) branches.push(scanWeighted(scanner, nesting));
  return branches.length === 1 && branches[0] !== undefined ? branches[0].tree : { kind: "union", branches };
}

function scanWeighted(scanner: Scanner, nesting: number): Weighted<Path> {
  scanner.skipBlanks();
  const weight = scanWeight(scanner);
  scanner.skipBlanks();
  const tree = scanSimple(scanner, nesting);
  scanner.skipBlanks();
  return { weight, tree };
}

const NUMBER = /[0-9.]{1,64}/y;

function scanWeight(scanner: Scanner): number {
  NUMBER.lastIndex = scanner.at;
  const digits = NUMBER.exec(scanner.source)?.[0];
  if (digits === undefined) return 1;
  const weight = Number(digits);
  if (Number.isNaN(weight)) scanner.fail("a weight is a number such as 9, 0.5 or .5");
  if (weight > MAX_WEIGHT)
    scanner.fail("this weight is too large; only the proportion of weights matters, write 9 * /a & 1 * /b");
  scanner.at += digits.length;
  scanner.skipBlanks();
  if (!scanner.take("*")) scanner.fail(`expected "*" after a weight, as in ${digits} * /name`);
  return weight;
}

function scanSimple(scanner: Scanner, nesting: number): NameTree<Path> {
  if (scanner.peek() === "/") return leaf(scanPath(scanner));
  if (scanner.take("!")) return fail;
  if (scanner.take("~")) return neg;
  if (scanner.take("$")) return empty;
  if (scanner.take("(")) return scanGroup(scanner, nesting);
  return scanner.fail(expectedName(scanner));
}

function expectedName(scanner: Scanner): string {
  const expected = "expected a path such as /srv/users, or ! (fail), ~ (no such name), $ (no addresses), or (";
  return /[\w:.%-]/.test(scanner.peek()) ? `${expected}; a path begins with "/"` : expected;
}

function scanGroup(scanner: Scanner, nesting: number): NameTree<Path> {
  if (nesting >= MAX_NESTING) scanner.fail(`more than ${MAX_NESTING} parentheses inside each other`);
  const open = scanner.at - 1;
  const tree = scanTree(scanner, nesting + 1);
  if (!scanner.take(")")) {
    if (scanner.done) scanner.fail('this "(" has no ")"', open);
    scanner.fail('expected "|", "&" or ")"');
  }
  return tree;
}
