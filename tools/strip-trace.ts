/*
 * Takes the trace code out of a source, as if it had never been written: the other half of the proof that the release
 * build pays nothing for it (zero-cost.test.ts). The bundler is not asked, the syntax tree is.
 *
 * Trace code has three forms, and every other use of a name from "#trace" is refused:
 *
 *   import { TRACE, made } from "#trace"     goes
 *   if (TRACE) …                             goes; there is no `else`, and the test is the name alone
 *   TRACE ? x : y                            becomes y
 *
 * An import that then is used by nothing goes too. Types stay as they are: they are erased.
 */
import { parseSync, type Node } from "oxc-parser";
import { childrenOf, countUses, isUse } from "./name-uses.ts";

const MODULE = "#trace";
const FLAG = "TRACE";

/** What replaces a part of the text, from `start` up to `end`. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Nodes that hold statements in a row: where one of them is taken out, nothing has to take its place. */
const STATEMENT_LISTS = new Set(["Program", "BlockStatement", "StaticBlock", "SwitchCase"]);
/** What only the compiler reads. It is erased, so a name in it costs nothing. */
const TYPES_ONLY = new Set([
  "TSTypeAnnotation",
  "TSTypeAliasDeclaration",
  "TSInterfaceDeclaration",
  "TSTypeParameterDeclaration",
  "TSTypeParameterInstantiation",
]);
/** Nodes that have an expression and a type, of which only the expression is there when the program runs. */
const TYPED_EXPRESSIONS = new Set(["TSAsExpression", "TSSatisfiesExpression", "TSTypeAssertion"]);

/**
 * Returns the source without its trace code. A source that has none is returned as it is.
 *
 * Throws `Cannot strip trace code: found …, wanted … (path:line)` at the first use that is none of the three forms.
 */
export function stripTrace(path: string, text: string): string {
  if (!text.includes(MODULE)) return text;
  const program = parse(path, text);
  const refuse = (node: Node, found: string, wanted: string): never => {
    const line = text.slice(0, node.start).split("\n").length;
    throw new Error(`Cannot strip trace code: found ${found}, wanted ${wanted} (${path}:${line})`);
  };
  const edits: Edit[] = [];
  const names = new Set<string>();
  for (const node of program.body) {
    if (node.type !== "ImportDeclaration" || node.source.value !== MODULE || node.importKind === "type") continue;
    for (const name of importedValues(node, refuse)) names.add(name);
    const types = node.specifiers.filter((one) => one.type === "ImportSpecifier" && one.importKind === "type");
    if (types.length === 0) edits.push({ ...wholeLines(text, node), text: "" });
    else edits.push({ start: node.start, end: node.end, text: writeImport(text, types, node.source.raw ?? "") });
  }

  /** What the node leaves behind, or undefined when it is no trace code. */
  const rest = (node: Node, parent: Node | undefined): Edit | undefined => {
    if (node.type === "IfStatement" && isFlag(node.test) && names.has(FLAG)) {
      if (node.alternate !== null) refuse(node.alternate, `an "else" of \`if (${FLAG})\``, "none");
      const inList = parent !== undefined && STATEMENT_LISTS.has(parent.type);
      return inList ? { ...wholeLines(text, node), text: "" } : { start: node.start, end: node.end, text: ";" };
    }
    if (node.type === "ConditionalExpression" && isFlag(node.test) && names.has(FLAG)) {
      visit(node.alternate, node);
      const inner = edits.filter(({ start, end }) => start >= node.alternate.start && end <= node.alternate.end);
      for (const edit of inner) edits.splice(edits.indexOf(edit), 1);
      const kept = apply(text.slice(node.alternate.start, node.alternate.end), inner, node.alternate.start);
      return { start: node.start, end: node.end, text: kept };
    }
    return undefined;
  };
  const visit = (node: Node, parent: Node | undefined): void => {
    if (node.type === "ImportDeclaration") return;
    if (isOtherWayIn(node)) refuse(node, `"${MODULE}" reached in another way`, `import { … } from "${MODULE}"`);
    const edit = rest(node, parent);
    if (edit !== undefined) {
      edits.push(edit);
      return;
    }
    if (node.type === "Identifier" && names.has(node.name) && isUse(node, parent)) {
      const wanted = `\`if (${FLAG}) …\`${node.name === FLAG ? ` or \`${FLAG} ? … : …\`` : ""}`;
      refuse(node, `"${node.name}" used ${node.name === FLAG ? "in another form" : "outside of trace code"}`, wanted);
    }
    for (const child of runtimeChildrenOf(node)) visit(child, node);
  };
  visit(program, undefined);

  return dropUnusedImports(path, apply(text, edits, 0), countUses(program));
}

function importedValues(
  node: Extract<Node, { type: "ImportDeclaration" }>,
  refuse: (node: Node, found: string, wanted: string) => never,
): string[] {
  if (node.specifiers.length === 0) refuse(node, `an import of "${MODULE}" for its effect`, "names");
  return node.specifiers.flatMap((one) => {
    if (one.type !== "ImportSpecifier") return refuse(one, `all of "${MODULE}" under one name`, "its names");
    if (one.importKind === "type") return [];
    if (one.imported.type !== "Identifier" || one.imported.name !== one.local.name)
      return refuse(one, `another name for what "${MODULE}" exports`, "its own");
    return [one.local.name];
  });
}

/** Takes out the imports that were used before and are not any more: of single names, and of whole modules. */
function dropUnusedImports(path: string, text: string, before: ReadonlyMap<string, number>): string {
  const program = parse(path, text);
  const after = countUses(program);
  const isDropped = (name: string) => (before.get(name) ?? 0) > 0 && (after.get(name) ?? 0) === 0;
  const edits: Edit[] = [];
  for (const node of program.body) {
    if (node.type !== "ImportDeclaration" || node.specifiers.length === 0) continue;
    const kept = node.specifiers.filter((one) => !isDropped(one.local.name));
    if (kept.length === node.specifiers.length) continue;
    // A declaration of which only types are left would stay as an import for its effect.
    const keepsValue = kept.some((one) => one.type !== "ImportSpecifier" || one.importKind !== "type");
    if (!keepsValue || node.importKind === "type") edits.push({ ...wholeLines(text, node), text: "" });
    else edits.push({ start: node.start, end: node.end, text: writeImport(text, kept, node.source.raw ?? "") });
  }
  return apply(text, edits, 0);
}

function writeImport(
  text: string,
  specifiers: Extract<Node, { type: "ImportDeclaration" }>["specifiers"],
  source: string,
): string {
  const textOf = (node: Node) => text.slice(node.start, node.end);
  const named = specifiers.filter((one) => one.type === "ImportSpecifier").map(textOf);
  const others = specifiers.filter((one) => one.type !== "ImportSpecifier").map(textOf);
  const clause = [...others, ...(named.length > 0 ? [`{ ${named.join(", ")} }`] : [])].join(", ");
  return `import ${clause} from ${source};`;
}

function isFlag(node: Node): boolean {
  return node.type === "Identifier" && node.name === FLAG;
}

function isOtherWayIn(node: Node): boolean {
  if (node.type === "ExportAllDeclaration") return node.source.value === MODULE;
  if (node.type === "ExportNamedDeclaration") return node.source?.value === MODULE;
  return node.type === "ImportExpression" && node.source.type === "Literal" && node.source.value === MODULE;
}

function runtimeChildrenOf(node: Node): Node[] {
  if (TYPED_EXPRESSIONS.has(node.type) && "expression" in node) return [node.expression as Node];
  return childrenOf(node).filter((child) => !TYPES_ONLY.has(child.type));
}

/** The node with the lines that it fills alone, or with nothing else when other code shares them. */
function wholeLines(text: string, node: Node): { start: number; end: number } {
  const start = text.lastIndexOf("\n", node.start - 1) + 1;
  const newline = text.indexOf("\n", node.end);
  const end = newline === -1 ? text.length : newline + 1;
  const alone = /^\s*$/.test(text.slice(start, node.start)) && /^\s*(\/\/.*)?\n?$/.test(text.slice(node.end, end));
  return alone ? { start, end } : { start: node.start, end: node.end };
}

function apply(text: string, edits: readonly Edit[], offset: number): string {
  let result = text;
  for (const { start, end, text: replacement } of edits.toSorted((a, b) => b.start - a.start))
    result = result.slice(0, start - offset) + replacement + result.slice(end - offset);
  return result;
}

function parse(path: string, text: string): Extract<Node, { type: "Program" }> {
  const { program, errors } = parseSync(path, text, { preserveParens: false });
  if (errors.length > 0) throw new Error(`Cannot parse "${path}": ${errors[0]!.message}`);
  return program;
}
