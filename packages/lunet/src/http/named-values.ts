/** Values by names that a peer or a route chose. */

/**
 * An object without anything inherited, so that no name has a meaning of its own and no other name is there. Unlike
 * `Object.create(null)` it keeps the engine's fast form.
 */
export const NamedValues = function NamedValues() {} as unknown as new () => Record<string, unknown>;
NamedValues.prototype = Object.freeze(Object.create(null));
