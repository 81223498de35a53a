/** Fields of replies as text. Those of a frozen object, which many replies share, are checked and written once. */
import type { ReplyFields } from "./reply.ts";
import { serializeFields } from "./reply-serializer.ts";

const frozenTexts = new WeakMap<ReplyFields, string>();

/**
 * The field lines, with their line ends.
 *
 * @throws TypeError (`ERR_HTTP_INVALID_FIELD`) for a field that is malformed or is the server's to write.
 */
export function fieldsText(fields: ReplyFields | undefined): string {
  if (fields === undefined) return "";
  const known = frozenTexts.get(fields);
  if (known !== undefined) return known;
  const list: Array<[string, string]> = [];
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === "string") list.push([name, value]);
    else for (const one of value) list.push([name, one]);
  }
  const text = serializeFields(list);
  if (Object.isFrozen(fields)) frozenTexts.set(fields, text);
  return text;
}
