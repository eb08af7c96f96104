/**
 * What the house rules look at: the project's files, and facts of TypeScript read from the syntax tree that `deno lint` hands to plugins.
 *
 * @module
 */

/** The project's root folder, with a slash at its end. */
export const ROOT = new URL("../../", import.meta.url).pathname;

const SKIPPED = new Set([".git", ".cache", "dist", "node_modules", "coverage"]);

/** One file. */
export interface Source {
  /** From the root, such as `src/pool/assign.ts`. */
  readonly path: string;
  /** Its text. */
  readonly text: string;
  /** Number of lines. */
  readonly lines: number;
}

/** One module that a file asks for. */
export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Of the project: the file's path. Otherwise absent. */
  readonly path?: string;
  /** How: at load, later, or only for its types. */
  readonly kind: "static" | "dynamic" | "type";
  /** 1 for the first line. */
  readonly line: number;
}

/** Something at a line. */
export interface Place {
  /** Its name or text. */
  readonly what: string;
  /** 1 for the first line. */
  readonly line: number;
}

/** One function. */
export interface FunctionFact extends Place {
  /** Lines from its first to its last. */
  readonly length: number;
}

/** What the syntax tree of a file says. */
export interface Facts extends Source {
  /** Imports and re-exports. */
  readonly imports: readonly Import[];
  /** Functions, methods and constructors; but not constructors of errors. */
  readonly functions: readonly FunctionFact[];
  /** Member accesses on `Deno` and `console`, such as `Deno.env`. */
  readonly globals: readonly Place[];
  /** `any`, non-null assertions. */
  readonly looseTypes: readonly Place[];
  /** Object members and call names that make a test runner leave tests out. */
  readonly testFilters: readonly Place[];
  /** The first text given to each error that is made, values in it as `…`. */
  readonly errorTexts: readonly Place[];
  /** Regular expressions, as they are written. */
  readonly patterns: readonly (Place & { readonly pattern: RegExp })[];
}

/** All files of the project, by path. */
export function listFiles(): Source[] {
  const found: Source[] = [];
  const visit = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(ROOT + folder)) {
      if (SKIPPED.has(name)) continue;
      const path = folder + name;
      if (isDirectory) visit(`${path}/`);
      else {
        const text = Deno.readTextFileSync(ROOT + path);
        found.push({ path, text, lines: text.split("\n").length - 1 });
      }
    }
  };
  visit("");
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Reads the facts of a TypeScript file. */
export function readFacts(source: Source): Facts {
  const imports: Import[] = [];
  const functions: FunctionFact[] = [];
  const globals: Place[] = [];
  const looseTypes: Place[] = [];
  const testFilters: Place[] = [];
  const errorTexts: Place[] = [];
  const patterns: (Place & { readonly pattern: RegExp })[] = [];
  const lineAt = lineFinder(source.text);
  const line = ({ range }: { readonly range: [number, number] }) => lineAt(range[0]);
  const addImport = (node: Deno.lint.Node, specifier: string, kind: Import["kind"]) =>
    imports.push({ specifier, ...resolve(source.path, specifier), kind, line: line(node) });
  const addFunction = (node: Deno.lint.Node, name: string) =>
    functions.push({ what: name, line: line(node), length: lineAt(node.range[1] - 1) - line(node) + 1 });
  const visitor: Deno.lint.LintVisitor = {
    ImportDeclaration(node) {
      const types = node.specifiers.length > 0 &&
        node.specifiers.every((one) => one.type === "ImportSpecifier" && one.importKind === "type");
      addImport(node, node.source.value, node.importKind === "type" || types ? "type" : "static");
    },
    ExportAllDeclaration: (node) =>
      void addImport(node, node.source.value, node.exportKind === "type" ? "type" : "static"),
    ExportNamedDeclaration(node) {
      if (node.source) addImport(node, node.source.value, node.exportKind === "type" ? "type" : "static");
    },
    ImportExpression(node) {
      const { source: asked } = node;
      addImport(node, asked.type === "Literal" ? String(asked.value) : "(computed)", "dynamic");
    },
    FunctionDeclaration: (node) => void addFunction(node, node.id?.name ?? "default"),
    FunctionExpression(node) {
      if (!isErrorConstructor(node)) addFunction(node, "function");
    },
    ArrowFunctionExpression: (node) => void addFunction(node, "=>"),
    MemberExpression(node) {
      const { object, property } = node;
      if (property.type !== "Identifier") return;
      if (object.type === "Identifier" && (object.name === "Deno" || object.name === "console")) {
        globals.push({ what: `${object.name}.${property.name}`, line: line(node) });
      }
      const ofTest = object.type === "MemberExpression" && object.property.type === "Identifier" &&
        object.property.name === "test";
      if (ofTest && ["only", "ignore"].includes(property.name)) {
        testFilters.push({ what: `test.${property.name}`, line: line(node) });
      }
    },
    Property(node) {
      const { key, value } = node;
      if (key.type !== "Identifier" || !["only", "ignore"].includes(key.name)) return;
      if (value.type === "Literal" && value.value === false) return;
      testFilters.push({ what: `${key.name}:`, line: line(node) });
    },
    Literal(node) {
      if (!("regex" in node) || !node.regex) return;
      const { pattern, flags } = node.regex;
      patterns.push({ what: node.raw, line: line(node), pattern: new RegExp(pattern, flags.replace(/[gy]/g, "")) });
    },
    TSAnyKeyword: (node) => void looseTypes.push({ what: "any", line: line(node) }),
    TSNonNullExpression: (node) => void looseTypes.push({ what: "!", line: line(node) }),
    NewExpression(node) {
      if (node.callee.type !== "Identifier" || !node.callee.name.endsWith("Error")) return;
      const text = node.arguments.map(textOf).find((text) => text !== undefined);
      if (text !== undefined) errorTexts.push({ what: text, line: line(node) });
    },
  };
  const plugin: Deno.lint.Plugin = { name: "facts", rules: { read: { create: () => visitor } } };
  Deno.lint.runPlugin(plugin, source.path, source.text);
  return { ...source, imports, functions, globals, looseTypes, testFilters, errorTexts, patterns };
}

/** A literal's text, or a template's with `…` for its values. */
function textOf(node: Deno.lint.Node): string | undefined {
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node.type === "TemplateLiteral") return node.quasis.map((quasi) => quasi.cooked).join("…");
  if (node.type !== "BinaryExpression" || node.operator !== "+") return undefined;
  const [left, right] = [textOf(node.left as Deno.lint.Node), textOf(node.right)];
  return left === undefined || right === undefined ? undefined : left + right;
}

/** A constructor of a class that extends an error: it only keeps what it is given. */
function isErrorConstructor(node: Deno.lint.FunctionExpression): boolean {
  const method = node.parent;
  if (method.type !== "MethodDefinition" || method.kind !== "constructor") return false;
  const { parent } = method.parent;
  return parent.type === "ClassDeclaration" && parent.superClass?.type === "Identifier" &&
    parent.superClass.name.endsWith("Error");
}

function resolve(from: string, specifier: string): { path?: string } {
  if (!specifier.startsWith(".")) return {};
  return { path: new URL(specifier, `file:///${from}`).pathname.slice(1) };
}

function lineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
