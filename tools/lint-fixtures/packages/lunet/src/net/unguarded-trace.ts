import { TRACE, made } from "#trace";

export function open(thing: object, wanted: boolean): void {
  if (TRACE) made("a", thing);
  const note = TRACE ? () => made("b", thing) : undefined;
  note?.();
  // expect trace: use `if (TRACE) …`
  made("c", thing);
  // expect trace: uses TRACE in another form
  if (TRACE && wanted) note?.();
  // expect trace: without else
  if (TRACE) note?.();
  else note?.();
}
