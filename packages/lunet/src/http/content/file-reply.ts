/**
 * One file as the reply to GET or HEAD: its validators, preconditions, ranges (RFC 9110 sections 8.8, 13 and 14).
 *
 * The tag is strong once the file has been left alone for `SETTLED_MS`: a later change gets a later time from the system, and
 * with it another tag. Before that it might change again within the same tick of the file system's clock, so the tag is
 * weak, and ranges are not joined with what the client has of it (`If-Range`).
 */
import { hash, randomBytes } from "node:crypto";
import { wallMs } from "../../time/mod.ts";
import { formatHttpDate } from "../http-date.ts";
import type { Reply, ReplyFields } from "../reply.ts";
import type { HttpRequest } from "../request.ts";
import { SETTLED_MS, sizeOf, streamFile, type FilePart, type FolderEntry } from "../static-folder.ts";
import { contentRange, frameRanges, parseRanges, type ByteRange } from "./byte-ranges.ts";
import { allowsRange, evaluatePreconditions, type Validators } from "./preconditions.ts";

/** How a file is sent. */
export interface FileReplyOptions {
  readonly contentType: string;
  /** The coding that the file is in, if any. */
  readonly coding: string | undefined;
  /** Other than 200 the file stands for something else, such as an error: nothing is told of it, and all of it is sent. */
  readonly status: number;
  /** `Cache-Control`, `Vary` and others. */
  readonly fields: ReplyFields;
}

/** The reply, or `"content"` when the file has to be read for it first: `FolderEntry.content` was not looked for yet. */
export function fileReply(
  request: HttpRequest,
  entry: FolderEntry,
  isRead: boolean,
  options: FileReplyOptions,
): Reply | "content" {
  const { contentType, coding, status } = options;
  const representation = {
    "Content-Type": contentType,
    ...(coding === undefined ? undefined : { "Content-Encoding": coding }),
    "X-Content-Type-Options": "nosniff",
  };
  if (status !== 200) {
    // Conditions and ranges are of what is found (RFC 9110, 13.2.1 and 14.2).
    if (request.method !== "HEAD" && !isRead) return "content";
    return wholeReply(status, { ...representation, ...options.fields }, entry);
  }
  const validators = validatorsOf(entry);
  const fields: ReplyFields = {
    "Accept-Ranges": "bytes",
    ETag: validators.tag,
    // Never later than `Date` (RFC 9110, 8.8.2.1).
    "Last-Modified": formatHttpDate(Math.min(validators.modifiedMs, wallMs())),
    "X-Content-Type-Options": "nosniff",
    ...options.fields,
  };
  switch (evaluatePreconditions(request, validators)) {
    case "failed":
      return { status: 412 };
    case "unchanged":
      return { status: 304, fields };
    case "met":
  }
  const typed = { ...representation, ...fields };
  const sizeBytes = sizeOf(entry);
  const ranges = rangesOf(request, validators, sizeBytes);
  if (ranges?.length === 0) {
    return { status: 416, fields: { "Content-Range": `bytes */${sizeBytes}` } };
  }
  if (request.method !== "HEAD" && !isRead) return "content";
  if (ranges === undefined) return wholeReply(200, typed, entry);
  if (ranges.length === 1) {
    const [range] = ranges as [ByteRange];
    const partial = { ...typed, "Content-Range": contentRange(range, sizeBytes) };
    return contentReply(206, partial, entry, ranges, range.last - range.first + 1);
  }
  const frame = frameRanges(ranges, sizeBytes, contentType, randomBytes(18).toString("base64url"));
  const parts: FilePart[] = ranges.flatMap((range, index) => [frame.heads[index] as string, range]);
  const partial = { ...typed, "Content-Type": frame.contentType };
  return contentReply(206, partial, entry, [...parts, frame.end], frame.contentLength);
}

function wholeReply(status: number, fields: ReplyFields, entry: FolderEntry): Reply {
  const sizeBytes = sizeOf(entry);
  return contentReply(status, fields, entry, [{ first: 0, last: sizeBytes - 1 }], sizeBytes);
}

/** Ranges of what GET asks for; other methods have none (RFC 9110, 14.2). */
function rangesOf(request: HttpRequest, validators: Validators, sizeBytes: number): ByteRange[] | undefined {
  const field = request.method === "GET" ? request.field("range") : undefined;
  if (field === undefined || !allowsRange(request, validators)) return undefined;
  return parseRanges(field, sizeBytes);
}

function contentReply(
  status: number,
  fields: ReplyFields,
  entry: FolderEntry,
  parts: readonly FilePart[],
  contentLength: number,
): Reply {
  const { content } = entry;
  if (content === undefined) return { status, fields, content: streamFile(entry, parts), contentLength };
  const pieces = parts.map((part) =>
    typeof part === "string" ? Buffer.from(part, "latin1") : content.subarray(part.first, part.last + 1),
  );
  return { status, fields, content: pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces) };
}

/** The tag of entries that are asked for again and again. */
const opaqueTags = new WeakMap<FolderEntry, string>();

/** The time of the last change moves even when a copy keeps its time of modification. Hashed, so that it tells nothing else. */
function validatorsOf(entry: FolderEntry): Validators {
  const { device, inode, sizeBytes, modifiedMs, changedMs } = entry.status;
  let opaque = opaqueTags.get(entry);
  if (opaque === undefined) {
    const version = `${device} ${inode} ${sizeBytes} ${modifiedMs} ${changedMs}`;
    opaque = `"${hash("sha256", version, "base64url").slice(0, 22)}"`;
    opaqueTags.set(entry, opaque);
  }
  return { tag: wallMs() - changedMs >= SETTLED_MS ? opaque : `W/${opaque}`, modifiedMs };
}
