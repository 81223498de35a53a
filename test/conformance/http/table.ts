/** Runs the table against both servers, over real sockets, and writes it down for docs/. */
import { scope, until } from "../../../packages/lunet/src/co/mod.ts";
import { converseAll } from "./converse.ts";
import type { Case, Section } from "./case.ts";
import { sections } from "./corpus.ts";
import { closeNode, portOf, serveLunet, serveNode } from "./echo-servers.ts";
import { judge, type Verdict } from "./verdict.ts";

export interface JudgedCase {
  readonly item: Case;
  readonly lunet: Verdict;
  /** Undefined for what depends on a part that `node:http` has not. */
  readonly node: Verdict | undefined;
}

/** One line of the published table: a case, or several that are published as one. */
export interface Row {
  readonly name: string;
  readonly cases: readonly JudgedCase[];
}

export interface JudgedSection {
  readonly section: Section;
  readonly rows: readonly Row[];
}

/** Runs every case against both servers. Called in a coroutine. */
export async function judgeTable(): Promise<JudgedSection[]> {
  const cases = sections.flatMap((one) => one.cases);
  const lunet = await judgeLunet(cases);
  const node = await until(judgeNode(cases.filter((item) => item.lunetOnly === undefined)));
  return sections.map((section) => {
    const judged = section.cases.map((item) => ({ item, lunet: lunet.get(item) as Verdict, node: node.get(item) }));
    const rows = Map.groupBy(judged, ({ item }) => item.row ?? item.name);
    return { section, rows: [...rows].map(([name, group]) => ({ name, cases: group })) };
  });
}

async function judgeLunet(cases: readonly Case[]): Promise<Map<Case, Verdict>> {
  const verdicts = new Map<Case, Verdict>();
  for (const group of Map.groupBy(cases, ({ limits }) => JSON.stringify(limits ?? {})).values()) {
    await scope(async () => {
      await using server = await serveLunet(group[0]?.limits);
      const seen = await until(converseAll(server.port, group));
      for (const [index, item] of group.entries()) verdicts.set(item, judge(item, seen[index] as never));
    });
  }
  return verdicts;
}

async function judgeNode(cases: readonly Case[]): Promise<Map<Case, Verdict>> {
  const server = await serveNode();
  try {
    const seen = await converseAll(portOf(server), cases);
    return new Map(cases.map((item, index) => [item, judge(item, seen[index] as never)]));
  } finally {
    await closeNode(server);
  }
}
