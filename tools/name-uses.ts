import { visitorKeys, type Node } from "oxc-parser";

/** How often each name is used below a node, in types too, apart from where it is imported. Scopes are not looked at. */
export function countUses(root: Node): Map<string, number> {
  const uses = new Map<string, number>();
  const visit = (node: Node, parent: Node | undefined): void => {
    if (node.type === "ImportDeclaration") return;
    if (node.type === "Identifier" && isUse(node, parent)) uses.set(node.name, (uses.get(node.name) ?? 0) + 1);
    for (const child of childrenOf(node)) visit(child, node);
  };
  visit(root, undefined);
  return uses;
}

/** Whether an identifier stands for something that is declared elsewhere, and not for the name of a member or a key. */
export function isUse(node: Node, parent: Node | undefined): boolean {
  switch (parent?.type) {
    case "MemberExpression":
      return parent.object === node || parent.computed;
    case "Property":
      return parent.value === node || parent.computed;
    case "MethodDefinition":
    case "PropertyDefinition":
    case "AccessorProperty":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.key !== node || parent.computed;
    case "LabeledStatement":
    case "BreakStatement":
    case "ContinueStatement":
      return false;
    default:
      return true;
  }
}

/** The nodes right below a node, in the order of the text. */
export function childrenOf(node: Node): Node[] {
  return (visitorKeys[node.type] ?? []).flatMap((key) => {
    // The tree is plain data, and the keys are those that hold nodes.
    const child = (node as unknown as Record<string, Node | Array<Node | null> | null>)[key];
    return (Array.isArray(child) ? child : [child]).filter((one) => one != null);
  });
}
