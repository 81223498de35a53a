import {
  parseSync,
  visitorKeys,
  type ExportSpecifier,
  type ImportDeclaration,
  type ImportSpecifier,
  type Node,
  type Program,
} from "oxc-parser";

/** One `import … from`, `export … from` or `import("…")`, and the names it takes. */
export interface ImportFact {
  readonly specifier: string;
  /** The names as the imported file calls them; `*` for a whole module. */
  readonly names: readonly string[];
  readonly line: number;
}

/** Globals that belong to one place in the project, as a source writes them; import-rules.ts says to which. */
const WATCHED_GLOBALS = [
  "Date.now",
  "Date()",
  "new Date()",
  "Temporal.Now",
  "performance.now",
  "process.hrtime",
  "process.uptime",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "AbortSignal.timeout",
  "Math.random",
  "fetch",
  "WebSocket",
  "EventSource",
  "process.on",
  "process.once",
  "process.addListener",
  "process.getBuiltinModule",
  "new Promise()",
  "Promise.withResolvers",
] as const;

/** A global that readFacts() finds. */
export type WatchedGlobal = (typeof WATCHED_GLOBALS)[number];

/** A use of a watched global. */
export interface GlobalUse {
  readonly name: WatchedGlobal;
  readonly line: number;
}

/** A use of what "#trace" exports that the release build would not lose. */
export interface TraceUse {
  /** The name; `name as other` where it is imported under another, `*` for the whole module. */
  readonly name: string;
  readonly line: number;
}

/** What the import rules have to know about one source file. */
export interface SourceFacts {
  readonly path: string;
  readonly imports: readonly ImportFact[];
  readonly globals: readonly GlobalUse[];
  /** What `if (TRACE)` does not guard. The forms that do are those that tools/strip-trace.ts takes out. */
  readonly unguarded: readonly TraceUse[];
}

const WATCHED: ReadonlySet<string> = new Set(WATCHED_GLOBALS);

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
  const unguarded: TraceUse[] = [];
  const traceNames = readTraceNames(result.program);

  const visit = (node: Node, parent: Node | undefined, guarded: boolean) => {
    const source = importSource(node);
    if (source !== undefined) imports.push({ specifier: source, names: importedNames(node), line: lineOf(node.start) });
    const global = globalName(node, parent);
    if (global !== undefined) globals.push({ name: global, line: lineOf(node.start) });
    const trace = traceUse(node, parent, traceNames);
    if (trace !== undefined && !guarded) unguarded.push({ name: trace, line: lineOf(node.start) });
    for (const key of visitorKeys[node.type] ?? []) {
      const child = (node as unknown as Record<string, Node | Array<Node | null> | null>)[key];
      const inside = guarded || isGuarded(node, key, traceNames);
      for (const each of Array.isArray(child) ? child : [child]) if (each) visit(each, node, inside);
    }
  };
  visit(result.program, undefined, false);
  return { path, imports, globals, unguarded };
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

/** The values that a file imports from "#trace". Types are free. */
function readTraceNames(program: Program): Set<string> {
  return new Set(
    program.body.flatMap((node) =>
      isTraceImport(node) ? node.specifiers.filter(isValue).map((one) => one.local.name) : [],
    ),
  );
}

function isTraceImport(node: Node): node is ImportDeclaration {
  return node.type === "ImportDeclaration" && node.importKind !== "type" && node.source.value === "#trace";
}

function isValue(one: ImportDeclaration["specifiers"][number]): one is ImportSpecifier {
  return one.type === "ImportSpecifier" && one.importKind !== "type";
}

/** What `node` uses of "#trace", or undefined. A test that is TRACE and nothing else is no use. */
function traceUse(node: Node, parent: Node | undefined, names: ReadonlySet<string>): string | undefined {
  switch (node.type) {
    case "ImportExpression":
      return importSource(node) === "#trace" ? "*" : undefined;
    case "ExportAllDeclaration":
      return node.exportKind !== "type" && node.source.value === "#trace" ? "*" : undefined;
    case "ImportDeclaration":
      return isTraceImport(node) ? wholeOrRenamed(node) : undefined;
    case "ExportSpecifier":
      return traceExport(node, parent, names);
    case "Identifier":
      if (!names.has(node.name) || isTraceTest(node, parent)) return undefined;
      return isReference(node, parent) ? node.name : undefined;
    default:
      return undefined;
  }
}

function wholeOrRenamed(node: ImportDeclaration): string | undefined {
  if (node.specifiers.every((one) => one.type !== "ImportSpecifier")) return "*";
  const renamed = node.specifiers.filter(isValue).find((one) => exportName(one.imported) !== one.local.name);
  return renamed && `${exportName(renamed.imported)} as ${renamed.local.name}`;
}

function traceExport(node: ExportSpecifier, parent: Node | undefined, names: ReadonlySet<string>): string | undefined {
  if (parent?.type !== "ExportNamedDeclaration" || parent.exportKind === "type" || node.exportKind === "type") return;
  const name = exportName(node.local);
  const isTraces = parent.source === null ? names.has(name) : parent.source.value === "#trace";
  return isTraces ? name : undefined;
}

/** The test of `if (TRACE) …` without an else, or of `TRACE ? … : …`. */
function isTraceTest(node: Node, parent: Node | undefined): boolean {
  if (node.type !== "Identifier" || node.name !== "TRACE") return false;
  if (parent?.type === "IfStatement") return parent.test === node && parent.alternate === null;
  return parent?.type === "ConditionalExpression" && parent.test === node;
}

function isGuarded(node: Node, key: string, names: ReadonlySet<string>): boolean {
  if (key !== "consequent" || (node.type !== "IfStatement" && node.type !== "ConditionalExpression")) return false;
  return names.has("TRACE") && isTraceTest(node.test, node);
}

/** The watched global that `node` uses, or undefined. Only the outermost node of one use answers. */
function globalName(node: Node, parent: Node | undefined): WatchedGlobal | undefined {
  const name = writtenName(node, parent);
  return WATCHED.has(name) ? (name as WatchedGlobal) : undefined;
}

function writtenName(node: Node, parent: Node | undefined): string {
  switch (node.type) {
    case "NewExpression":
      if (isGlobal(node.callee, "Promise")) return "new Promise()";
      return isGlobal(node.callee, "Date") && node.arguments.length === 0 ? "new Date()" : "";
    case "CallExpression":
      return isGlobal(node.callee, "Date") ? "Date()" : "";
    case "MemberExpression":
      return memberPath(node);
    case "Identifier":
      return isReference(node, parent) ? node.name : "";
    default:
      return "";
  }
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
      return parent.value === node || parent.computed;
    case "MethodDefinition":
    case "PropertyDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.key !== node || parent.computed;
    case "ImportSpecifier":
    case "ImportNamespaceSpecifier":
    case "ImportDefaultSpecifier":
    case "ExportSpecifier":
    case "TSTypeReference":
    case "TSTypeQuery":
    case "TSQualifiedName":
    case "TSInterfaceHeritage":
    case "TSClassImplements":
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
