// expect raw: use suspend of "packages/lunet/src/co/mod.ts"
import { _suspendIn } from "../co/scope.impl.ts";

export const read = () => _suspendIn();
