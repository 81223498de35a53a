/** Text from elsewhere, made fit for a terminal: names come from the program and from its peers. */

/** The text with every control character (C0, DEL, C1; a line feed too) as `\xNN`, so that nothing in it steers the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

/** The same for text of several lines, whose line feeds stay. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}
