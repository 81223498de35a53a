/** Where a server is and how it is spoken to: what the connections of statements and those of cancels share. */
import { describeHost, type HostAddress, type NetworkAddress } from "../network/address.ts";
import type { Library, WireConnection } from "./library.ts";

/** TLS as `node:tls` takes it; false for none. */
export type TlsOptions = false | { readonly rejectUnauthorized: boolean; readonly ca?: string };

/** A server, as `pg` is told of it. */
export interface Server {
  /** A name or an address; or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly tls: TlsOptions;
  /** For messages. */
  readonly name: string;
}

/** A Unix socket of PostgreSQL is named after its port. */
const SOCKET_FILE = /^(?<folder>.*)\/\.s\.PGSQL\.(?<port>\d+)$/;

/**
 * The server at one host. A Unix socket is given by its file or, as libpq takes it, by its folder; the port is then the
 * default one.
 *
 * @param rootCertificates PEM; undefined for those that Node trusts.
 */
export function serverAt(
  address: HostAddress,
  tls: NetworkAddress["tls"],
  rootCertificates: string | undefined,
): Server {
  const options = tlsOptions(tls, rootCertificates);
  const name = describeHost(address);
  if (!("socketPath" in address)) return { host: address.host, port: address.port, tls: options, name };
  const file = SOCKET_FILE.exec(address.socketPath)?.groups;
  const host = file === undefined ? address.socketPath : (file["folder"] ?? "");
  return { host, port: Number(file?.["port"] ?? address.port), tls: options, name };
}

function tlsOptions(tls: NetworkAddress["tls"], ca: string | undefined): TlsOptions {
  if (tls === "disable") return false;
  if (tls === "no-verify") return { rejectUnauthorized: false };
  return { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) };
}

/** Makes a bare connection and connects it: `sslconnect` tells when TLS has begun, `connect` when it is not wanted. */
export function connectWire(library: Library, server: Server, begun: (wire: WireConnection) => void): WireConnection {
  const wire = new library.Connection({ ssl: server.tls }) as WireConnection;
  guardWire(wire);
  wire.on("connect", () => (server.tls === false ? begun(wire) : wire.requestSsl()));
  wire.on("sslconnect", () => begun(wire));
  if (server.host.startsWith("/")) wire.connect(`${server.host}/.s.PGSQL.${server.port}`);
  else wire.connect(server.port, server.host);
  return wire;
}

/**
 * Makes an error of the connection's of what its parser throws, such as at a demand for Kerberos. It would reach the
 * process, since the parser is called by the socket.
 */
export function guardWire(wire: WireConnection): void {
  const attach = wire.attachListeners.bind(wire);
  wire.attachListeners = (stream) => {
    const before = stream.listeners("data");
    attach(stream);
    for (const listener of stream.listeners("data")) {
      if (before.includes(listener)) continue;
      stream.off("data", listener as (bytes: Buffer) => void);
      stream.on("data", (bytes: Buffer) => {
        try {
          listener.call(stream, bytes);
        } catch (error) {
          wire.emit("error", error);
        }
      });
    }
  };
}
