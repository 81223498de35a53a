/** The library that finds the parts of a form, `Dicer` of `@fastify/busboy`, as far as it is used. */
import { until } from "../../co/mod.ts";
import type { PartFields } from "./form-part-head.ts";

/** A part's stream, of which only its way in is used. */
export interface FoundPart {
  push: (piece: Buffer | null) => boolean;
  on(event: "header", listener: (fields: PartFields) => void): unknown;
  emit(event: "end"): boolean;
}

/** Finds parts in the bytes that it is given. */
export interface PartFinder {
  on(event: "part", listener: (part: FoundPart) => void): unknown;
  on(event: "finish", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  write(piece: Buffer): boolean;
  destroy(): unknown;
}

/** What `import("@fastify/busboy")` gives, as far as it is used. */
export interface Library {
  readonly Dicer: new (options: {
    readonly boundary: string;
    readonly maxHeaderPairs: number;
    readonly maxHeaderSize: number;
  }) => PartFinder;
}

/** Loads `@fastify/busboy`, which only a program does that gets such a form. */
export async function loadLibrary(): Promise<Library> {
  try {
    return await until(import("@fastify/busboy"));
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND")) throw cause;
    throw new TypeError('Cannot read a form: found no package "@fastify/busboy", wanted it installed', { cause });
  }
}
