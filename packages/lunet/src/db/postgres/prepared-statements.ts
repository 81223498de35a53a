/** The statements that are prepared on one connection. */
import { BoundedCache } from "../bounded-cache.ts";
import type { SqlText } from "../sql-text.ts";
import type { RowDescription } from "./library.ts";
import { parserOf, type ValueParser } from "./values.ts";

/** The columns of a result. The same statement gives the same one as long as its columns are the same. */
export interface Layout {
  readonly columns: readonly string[];
  readonly parsers: readonly (ValueParser | undefined)[];
  readonly typeOids: readonly number[];
}

/** A result without columns. */
export const NO_LAYOUT: Layout = { columns: [], parsers: [], typeOids: [] };

/** The server refuses to run a statement with other columns than it was prepared with; those of utilities vary. */
function hasFixedColumns(text: SqlText): boolean {
  return text.kind !== "other";
}

/** A statement with the name that it has on its connection. */
export class PreparedStatement {
  readonly name: string;
  readonly text: SqlText;
  /** It was sent to be parsed. */
  isSent = false;
  /** The server has parsed it. */
  isParsed = false;
  #layout: Layout | undefined;

  constructor(name: string, text: SqlText) {
    this.name = name;
    this.text = text;
  }

  /** The columns, when they are known beforehand, so that the server need not describe them again. */
  get knownLayout(): Layout | undefined {
    return hasFixedColumns(this.text) ? this.#layout : undefined;
  }

  /** Takes note of the columns that the server described. */
  describe({ fields }: RowDescription): Layout {
    const known = this.#layout;
    const isSame =
      known?.columns.length === fields.length &&
      fields.every((field, i) => field.name === known.columns[i] && field.dataTypeID === known.typeOids[i]);
    if (isSame && known !== undefined) return known;
    return (this.#layout = {
      columns: fields.map((field) => field.name),
      parsers: fields.map((field) => parserOf(field.dataTypeID)),
      typeOids: fields.map((field) => field.dataTypeID),
    });
  }

  /** Takes note that the server described no columns. */
  describeNone(): void {
    this.#layout = NO_LAYOUT;
  }
}

/** The prepared statements of one connection: at most so many, the longest unused goes first. */
export class PreparedStatements {
  readonly #byText: BoundedCache<string, PreparedStatement>;
  #toClose: string[] = [];
  #count = 0;

  constructor(limit: number) {
    this.#byText = new BoundedCache(limit, (statement) => this.#toClose.push(statement.name));
  }

  /** The statement of a text, made when it is new. Names are never used again. */
  of(text: SqlText): PreparedStatement {
    const known = this.#byText.get(text.native);
    if (known !== undefined) return known;
    const statement = new PreparedStatement(`lunet_${++this.#count}`, text);
    this.#byText.set(text.native, statement);
    return statement;
  }

  /** Has the next run of this text prepare it anew. */
  forget(statement: PreparedStatement): void {
    if (this.#byText.get(statement.text.native) !== statement) return;
    this.#byText.set(statement.text.native, new PreparedStatement(`lunet_${++this.#count}`, statement.text));
    this.#toClose.push(statement.name);
  }

  /** The names of those that were forgotten since the last call. The server is to forget them too. */
  takeForgotten(): readonly string[] {
    if (this.#toClose.length === 0) return this.#toClose;
    const names = this.#toClose;
    this.#toClose = [];
    return names;
  }
}
