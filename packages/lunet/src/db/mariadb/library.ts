/**
 * What lunet uses of the `mariadb` package, version 3.5, and how it sets it up.
 *
 * Most of it is published. What is not stands here alone, as types: the command that an execution makes, whose rows lunet
 * reads itself (values.ts), and the status that came with the server's last answer. The package is pinned to one
 * version, and the tests of this folder run against a real server.
 */
import type { ConnectionConfig } from "mariadb/callback";
import type { SecureContext, Socket } from "../../host/library-socket.ts";
import type { NetworkAddress } from "../network/address.ts";

/** The package. */
export interface Library {
  createConnection(options: ConnectionConfig): LibraryConnection;
}

/** A connection of the package's. */
export interface LibraryConnection {
  readonly threadId: number | null;
  readonly info: {
    readonly status: number;
    hasMinVersion(major: number, minor: number, patch: number): boolean;
  } | null;
  on(event: "connect" | "error", listener: (error?: LibraryError) => void): void;
  on(event: "end", listener: () => void): void;
  /** Runs a statement in the text protocol. */
  query(sql: string, done: (error: LibraryError | null, result: CommandResult[0]) => void): Command;
  prepare(sql: string, done: (error: LibraryError | null, prepared: Prepared) => void): void;
  end(done: () => void): void;
}

/** An error of the package's, or a system error. */
export interface LibraryError extends Error {
  readonly errno?: number | string | undefined;
  readonly code?: string | undefined;
  readonly sqlState?: string | null | undefined;
  /** The words of the server alone. `message` has the statement as well. */
  readonly sqlMessage?: string | null | undefined;
}

/** A packet, while it is being read. */
export interface Packet {
  readonly buf: Buffer;
  pos: number;
  readUnsignedLength(): number | null;
  readStringLengthEncoded(): string | null;
}

/** The definition of a column. */
export interface Column {
  /** Undefined for a collation that the package does not know. */
  readonly collation: { readonly index: number } | undefined;
  readonly columnType: number;
  readonly scale: number;
  name(): string;
  signed(): boolean;
}

/** A command that was sent: what an execution waits with. Assigning the two methods takes the rows over. */
export interface Command {
  readonly initialValues: unknown;
  readonly _columns: readonly Column[];
  /** Called when the columns of a result are known, before its first row. */
  setParser: () => void;
  parseRow: (packet: Packet) => unknown;
  handleNewRows: (row: unknown) => void;
}

/** A statement that the server has prepared. */
export interface Prepared {
  readonly id: number;
  readonly parameterCount: number;
  readonly conn: { readonly receiveQueue: { peekBack(): Command | undefined } };
  execute(values: readonly unknown[], done: (error: LibraryError | null, result: CommandResult) => void): void;
  close(): void;
}

/** The answer to what gives no rows. */
export interface OkPacket {
  readonly affectedRows: number;
  readonly insertId: bigint;
}

/** What the package gives for a command: an answer, or the rows that it kept, here none; several of them for a procedure. */
export type CommandResult = readonly [OkPacket | unknown[], unknown];

/** Flags of the status that comes with each answer but a failure. https://mariadb.com/kb/en/ok_packet/ */
export const IN_TRANSACTION = 1;

/** The options of one connection. */
export function libraryOptions(
  address: NetworkAddress,
  host: string,
  isShared: boolean,
  trust: SecureContext | undefined,
  openSocket: () => Socket,
): ConnectionConfig {
  return {
    host,
    user: address.user,
    password: address.password,
    database: address.database,
    stream: openSocket,
    ssl: tlsOptions(address, host, trust),
    // A server that is not to be trusted could send us elsewhere.
    permitRedirect: false,
    // Literals and parameters compare as in the other two databases, byte by byte. Columns keep their own collation.
    collation: "UTF8MB4_BIN",
    connectAttributes: { program_name: "lunet" },
    // Whoever connects has a timer over all of it, and ends the socket.
    connectTimeout: 0,
    // With pipelining the package could execute "the statement prepared last" of this connection. That is never used: see
    // connection.ts, which keeps the prepared statements.
    pipelining: isShared,
    prepareCacheLength: 0,
    rowsAsArray: true,
    metaAsArray: true,
    checkDuplicate: false,
    dateStrings: true,
    jsonStrings: true,
    bitOneIsBoolean: false,
    // An update counts the rows that it found, as in SQLite and PostgreSQL, not those that it changed.
    foundRows: true,
    multipleStatements: false,
    permitLocalInfile: false,
    // Neither values nor stacks go into the package's errors, and it logs nothing.
    logParam: false,
    trace: false,
    logger: { warning: () => {} },
    // The published type leaves out that there are redirects.
  } as ConnectionConfig;
}

function tlsOptions(address: NetworkAddress, host: string, trust: SecureContext | undefined): ConnectionConfig["ssl"] {
  if (address.tls === "disable") return false;
  if (address.tls === "no-verify") return { rejectUnauthorized: false };
  // `ca` is not read, since the context is given. That it is there keeps the package from its own way with certificates that
  // nobody signed: it takes one if the server knows the hash of the password, for which the name is not checked.
  const options = { rejectUnauthorized: true, secureContext: trust, ca: "in secureContext", host };
  return options;
}
