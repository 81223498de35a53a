import { parseSync, visitorKeys, type Node } from "oxc-parser";

/** One `import … from`, `export … from` or `import("…")`, and the names it takes. */
export interface ImportFact {
  readonly specifier: string;
  /** The names as the imported file calls them; `*` for a whole module. */
  readonly names: readonly string[];
  readonly line: number;
}

/** A use of something global that belongs to the edge of the world, written as in the source: `Date.now`. */
export interface GlobalUse {
  readonly name: string;
  readonly line: number;
}

/** What the import rules have to know about one source file. */
export interface SourceFacts {
  readonly path: string;
  readonly imports: readonly ImportFact[];
  readonly globals: readonly GlobalUse[];
}

const EDGE_FUNCTIONS = new Set(["setTimeout", "setInterval", "setImmediate"]);
const EDGE_MEMBERS = new Set(["Date.now", "performance.now", "Math.random", "process.hrtime"]);

/**
 * Reads one TypeScript source. Nothing is resolved or executed.
 * Throws when the text is no TypeScript: `Cannot parse "<path>": …`.
 */
export function readFacts(path: string, text: string): SourceFacts {
  const result = parseSync(path, text, { preserveParens: false });
  if (result.errors.length > 0) throw new Error(`Cannot parse "${path}": ${result.errors[0]!.message}`);
  const lineOf = lineCounter(text);
  const globals: GlobalUse[] = [];
  const imports: ImportFact[] = [];

  const visit = (node: Node, parent: Node | undefined) => {
    const source = importSource(node);
    if (source !== undefined) imports.push({ specifier: source, names: importedNames(node), line: lineOf(node.start) });
    const name = edgeName(node, parent);
    if (name !== undefined) globals.push({ name, line: lineOf(node.start) });
    for (const key of visitorKeys[node.type] ?? []) {
      const child = (node as unknown as Record<string, Node | Array<Node | null> | null>)[key];
      for (const each of Array.isArray(child) ? child : [child]) if (each) visit(each, node);
    }
  };
  visit(result.program, undefined);
  return { path, imports, globals };
}

function importSource(node: Node): string | undefined {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportAllDeclaration":
      return node.source.value;
    case "ExportNamedDeclaration":
      return node.source?.value;
    case "ImportExpression":
      return node.source.type === "Literal" && typeof node.source.value === "string" ? node.source.value : undefined;
    case "TSImportType":
      return node.source.value;
    default:
      return undefined;
  }
}

function importedNames(node: Node): string[] {
  if (node.type === "ImportDeclaration") {
    return node.specifiers.map((one) => {
      if (one.type === "ImportSpecifier") return exportName(one.imported);
      return one.type === "ImportDefaultSpecifier" ? "default" : "*";
    });
  }
  if (node.type === "ExportNamedDeclaration") return node.specifiers.map((one) => exportName(one.local));
  return ["*"];
}

function exportName(name: { type: string; name?: string; value?: unknown }): string {
  return name.name ?? String(name.value);
}

/** The name of the edge global that `node` uses, or undefined. Only the outermost node of one use answers. */
function edgeName(node: Node, parent: Node | undefined): string | undefined {
  if (node.type === "NewExpression" && isGlobal(node.callee, "Date") && node.arguments.length === 0)
    return "new Date()";
  if (node.type === "CallExpression" && isGlobal(node.callee, "Date")) return "Date()";
  if (node.type === "MemberExpression") {
    const path = memberPath(node);
    return EDGE_MEMBERS.has(path) || EDGE_FUNCTIONS.has(path) ? path : undefined;
  }
  if (node.type !== "Identifier" || !EDGE_FUNCTIONS.has(node.name)) return undefined;
  return isReference(node, parent) ? node.name : undefined;
}

function isGlobal(node: Node, name: string): boolean {
  return memberPath(node) === name;
}

/** `a.b.c` for an identifier or a chain of plain members, without a leading `globalThis.`; "" for anything else. */
function memberPath(node: Node): string {
  if (node.type === "Identifier") return node.name;
  if (node.type !== "MemberExpression") return "";
  const object = memberPath(node.object);
  const property =
    node.property.type === "Identifier" && !node.computed ? node.property.name : literalOf(node.property);
  if (object === "" || property === "") return "";
  return object === "globalThis" ? property : `${object}.${property}`;
}

function literalOf(node: Node): string {
  return node.type === "Literal" && typeof node.value === "string" ? node.value : "";
}

/** Whether an identifier stands for a value here, and not for the name of a member, a key or an export. */
function isReference(node: Node, parent: Node | undefined): boolean {
  switch (parent?.type) {
    case "MemberExpression":
      return parent.object === node || parent.computed;
    case "Property":
      return parent.value === node;
    case "MethodDefinition":
    case "PropertyDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.key !== node || parent.computed;
    case "ImportSpecifier":
    case "ExportSpecifier":
      return false;
    default:
      return true;
  }
}

function lineCounter(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => starts.findLastIndex((start) => start <= offset) + 1;
}
