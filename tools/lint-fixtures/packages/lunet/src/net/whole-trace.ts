// expect trace: use `import { TRACE, … } from "#trace"`
import * as trace from "#trace";

export function open(thing: object): void {
  trace.made("a", thing);
}
