import { _suspendIn } from "./scope.impl.ts";

export const suspend = () => _suspendIn();
