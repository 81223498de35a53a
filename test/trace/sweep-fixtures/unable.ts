/** Sweeps that cannot be run to their end. */
import { suspend } from "lunet";
import { defineSweep } from "lunet/testing";

export default [
  defineSweep({
    name: "no fixture",
    setup: () => {
      throw new Error("there is none");
    },
    body: () => {},
  }),
  defineSweep({
    name: "no end",
    setup: () => ({}),
    timeoutMs: 50,
    body: () => suspend<never>("for ever", () => undefined),
  }),
];
