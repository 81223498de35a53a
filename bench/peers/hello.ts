/** The reply that every hello server gives. */
export const hello = {
  message: "Hello, world",
  items: [1, 2, 3, 4, 5],
  ok: true,
  note: "about a hundred bytes of JSON",
};
