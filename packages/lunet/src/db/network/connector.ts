/**
 * Opens connections to the servers of one address: the hosts in order, beginning with the one that was last found good,
 * until one of them takes the connection.
 */
import { monotonicMs } from "../../host/clock.ts";
import { DatabaseError } from "../errors.ts";
import { describeHost, type NetworkAddress } from "./address.ts";
import type { Driver, NetworkConnection } from "./connection.ts";

/** Called once, with a connection or with why there is none. */
export type Connected = (opened: NetworkConnection | DatabaseError) => void;

/** What a connector is made with. */
export interface ConnectorOptions {
  readonly connectTimeoutMs: number;
  /** Refuse servers that take no writes. */
  readonly needsWrites: boolean;
  /** Called when another host than before takes connections, before `connect` hands over the first of them. */
  readonly onMoved: () => void;
}

/** Connects to the hosts of one address. */
export class Connector {
  readonly #driver: Driver;
  readonly #address: NetworkAddress;
  readonly #options: ConnectorOptions;
  /** The place in the list of hosts where the next attempt begins. */
  #first = 0;

  constructor(driver: Driver, address: NetworkAddress, options: ConnectorOptions) {
    this.#driver = driver;
    this.#address = address;
    this.#options = options;
  }

  /** Opens a connection. What is returned gives the attempt up; `done` is called all the same. */
  connect(isShared: boolean, done: Connected): () => void {
    const { hosts } = this.#address;
    const deadlineMs = monotonicMs() + this.#options.connectTimeoutMs;
    const failures: DatabaseError[] = [];
    let giveUp: (() => void) | undefined;
    let isGivenUp = false;
    const attempt = (): void => {
      const place = (this.#first + failures.length) % hosts.length;
      const host = hosts[place];
      const leftMs = deadlineMs - monotonicMs();
      if (host === undefined || failures.length === hosts.length || leftMs <= 0 || isGivenUp) {
        done(this.#failure(failures));
        return;
      }
      // A host that does not answer must leave time for those after it.
      const timeoutMs = Math.max(1, leftMs / (hosts.length - failures.length));
      const { needsWrites } = this.#options;
      giveUp = this.#driver.connect({ host, isShared, needsWrites, timeoutMs }, (opened) => {
        if (opened instanceof DatabaseError) {
          failures.push(opened);
          attempt();
        } else {
          // Who reads on one server what was written on another may read what was before.
          if (place !== this.#first) this.#options.onMoved();
          this.#first = place;
          done(opened);
        }
      });
    };
    attempt();
    return () => {
      isGivenUp = true;
      giveUp?.();
    };
  }

  #failure(failures: readonly DatabaseError[]): DatabaseError {
    const [only] = failures;
    if (only !== undefined && failures.length === 1) return only;
    const { hosts, name } = this.#address;
    const found =
      failures.length === 0 ? "no time left" : `none of ${hosts.map(describeHost).join(", ")} that takes it`;
    const words = failures.map((failure) => failure.message).join("; ");
    const areRefused = failures.length === hosts.length && failures.every(({ code }) => code === "ERR_DB_ACCESS");
    const code = areRefused ? "ERR_DB_ACCESS" : "ERR_DB_UNAVAILABLE";
    return new DatabaseError(code, `Cannot connect to ${name}: found ${found}: ${words}`, {
      cause: new AggregateError(failures, words),
    });
  }
}
