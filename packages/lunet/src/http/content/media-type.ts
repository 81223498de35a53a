/** Media types by the extension of a name, and which of them a content coding makes smaller. */
import { lookup } from "mrmime";

/** What mrmime has no type for. */
const MORE_TYPES: Readonly<Record<string, string>> = { ico: "image/vnd.microsoft.icon" };

/** The value of `Content-Type` for a file of this name; text is UTF-8. */
export function contentTypeOf(name: string): string {
  const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? "";
  const known: unknown = Object.hasOwn(MORE_TYPES, extension) ? MORE_TYPES[extension] : lookup(extension);
  // A name such as `x.constructor` finds what every object has.
  const type = typeof known === "string" ? known : "application/octet-stream";
  return type.startsWith("text/") || type === "application/json" ? `${type}; charset=utf-8` : type;
}

/** The media type alone, in lower case, without its parameters. */
export function mediaTypeOf(contentType: string): string {
  const end = contentType.indexOf(";");
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

const COMPRESSIBLE =
  /^(?:text\/(?!event-stream$).+|.+\+(?:json|xml|text)|application\/(?:json|javascript|xml|wasm|x-ndjson|manifest\+json|vnd\.ms-fontobject)|image\/(?:svg\+xml|bmp|vnd\.microsoft\.icon)|font\/(?:ttf|otf|collection))$/;

/**
 * Whether content of a type gets smaller by a content coding: text, JSON, XML, scripts, fonts that are not packed. Pictures,
 * films and archives are packed already. Event streams are left alone.
 */
export function isCompressibleType(contentType: string): boolean {
  return COMPRESSIBLE.test(mediaTypeOf(contentType));
}
