/**
 * The conformance table: every case, section by section. It is published with the answers of Lunet and of `node:http` in
 * docs/http-conformance.md.
 */
import type { Case, Section } from "./case.ts";
import { chunks } from "./cases/chunks.ts";
import { connections } from "./cases/connection.ts";
import { fields } from "./cases/fields.ts";
import { framing } from "./cases/framing.ts";
import { limits } from "./cases/limits.ts";
import { requestLines } from "./cases/request-line.ts";
import { semantics } from "./cases/semantics.ts";
import { targets } from "./cases/targets.ts";

export type { Case, ExpectedMessage, Section } from "./case.ts";

/** Every section, in the order of its publication. */
export const sections: readonly Section[] = [
  ...requestLines,
  ...targets,
  ...fields,
  ...framing,
  ...chunks,
  ...connections,
  ...semantics,
  ...limits,
];

/** Every case. Names are unique. */
export const cases: readonly Case[] = sections.flatMap((section) => section.cases);
