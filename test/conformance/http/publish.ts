/**
 * Writes the conformance table down: docs/http-conformance.md whole, and its sums in docs/http.md.
 *
 * `node test/conformance/http/publish.ts` prints the sums and every case that Lunet does not pass; `--write` writes the
 * pages. `make conformance` is the same, with WRITE=1.
 */
import { join } from "node:path";
import { run } from "../../../packages/lunet/src/co/mod.ts";
import { writePage, type Place } from "../../../bench/page.ts";
import { judgeTable, type JudgedCase, type JudgedSection, type Row } from "./table.ts";
import type { Verdict } from "./verdict.ts";

const docs = join(import.meta.dirname, "..", "..", "..", "docs");
const END = "<!-- conformance:end -->";
/** Where the table goes, and where its sums go. */
export const TABLE_PLACE: Place = {
  page: join(docs, "http-conformance.md"),
  begin: "<!-- conformance:begin, written by `make conformance WRITE=1` -->",
  end: END,
};
export const SUMS_PLACE: Place = { ...TABLE_PLACE, page: join(docs, "http.md") };

/** The sums by section, as a table. */
export function renderSums(sections: readonly JudgedSection[]): string {
  const lines = sections.map(({ section, rows }) => {
    const node = nodeScore(rows);
    return `| ${section.title} | ${rows.length} | ${passed(rows, lunetPasses)} | ${node} |`;
  });
  const all = sections.flatMap(({ rows }) => rows);
  const version = process.versions.node;
  return [
    `| Section | Cases | Lunet | \`node:http\` ${version} |`,
    "| --- | ---: | ---: | ---: |",
    ...lines,
    `| **All** | **${all.length}** | **${passed(all, lunetPasses)}** | **${nodeScore(all)}** |`,
  ].join("\n");
}

/** Every case, section by section. */
export function renderTable(sections: readonly JudgedSection[]): string {
  return sections.map(renderSection).join("\n\n");
}

function renderSection({ section, rows }: JudgedSection): string {
  const lines = rows.map((row) => {
    const [first] = row.cases as [JudgedCase];
    const { item } = first;
    const cells = [
      row.name,
      ruleOf(item.rule),
      item.wanted,
      renderVerdicts(row.cases.map(({ lunet }) => lunet)),
      first.node === undefined ? "–" : renderVerdicts(row.cases.map(({ node }) => node as Verdict)),
      item.why === section.why ? "" : item.why,
    ];
    return `| ${cells.map(escape).join(" | ")} |`;
  });
  return [
    `## ${section.title}`,
    "",
    `${escape(section.why)}.`,
    "",
    "| Case | Rule | Wanted | Lunet | `node:http` | Why |",
    "| --- | --- | --- | --- | --- | --- |",
    ...lines,
  ].join("\n");
}

function ruleOf(rule: string): string {
  return rule.startsWith("CVE") ? rule : `RFC ${rule}`;
}

/** What was seen, once when it was the same for all. */
function renderVerdicts(verdicts: readonly Verdict[]): string {
  const groups = [...Map.groupBy(verdicts, ({ seen }) => seen)];
  const words = groups.map(([seen, all]) =>
    groups.length === 1 ? seen : `${seen} (${all.length} of ${verdicts.length})`,
  );
  return `${verdicts.every(({ passes }) => passes) ? "✓" : "✗"} ${words.join(", ")}`;
}

/** Text that Markdown shows as it is. */
function escape(text: string): string {
  return text.replaceAll(/[\\|<>*_`[\]~#]/g, "\\$&");
}

function lunetPasses({ lunet }: JudgedCase): boolean {
  return lunet.passes;
}

function passed(rows: readonly Row[], passes: (one: JudgedCase) => boolean): number {
  return rows.filter((row) => row.cases.every(passes)).length;
}

function nodeScore(rows: readonly Row[]): string {
  const compared = rows.filter(({ cases }) => cases[0]?.node !== undefined);
  if (compared.length === 0) return "–";
  const score = passed(compared, ({ node }) => node?.passes === true);
  return compared.length === rows.length ? String(score) : `${score} of ${compared.length}`;
}

if (import.meta.main) {
  await run(async () => {
    const sections = await judgeTable();
    for (const { item, lunet } of sections.flatMap(({ rows }) => rows.flatMap(({ cases }) => cases))) {
      if (!lunet.passes) console.log(`${item.section}: ${item.name}: wanted "${item.wanted}", found "${lunet.seen}"`);
    }
    console.log(renderSums(sections));
    if (!process.argv.includes("--write")) return;
    writePage(TABLE_PLACE, renderTable(sections));
    writePage(SUMS_PLACE, renderSums(sections));
  });
}
