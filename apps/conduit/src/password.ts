/**
 * Passwords: Argon2id (RFC 9106) with the parameters that OWASP recommends, kept as PHC strings.
 *
 * The work runs on Node's thread pool, off the event loop. At most `concurrency` hashes run at once; at most
 * `maxWaiting` callers wait, in order, each for at most `waitMs`. An unknown user costs the same work as a known one.
 *
 * A password is normalised to NFKC before it is hashed, so that it does not depend on the keyboard that it was typed on
 * (NIST SP 800-63B-4 section 3.1.1.2).
 */
import { argon2, randomBytes, timingSafeEqual, type Argon2Parameters } from "node:crypto";
import { DeadlineError, suspend, withDeadline } from "lunet";

/** OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane. */
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const SALT_BYTES = 16;
const TAG_BYTES = 32;
/** Version 1.3 of Argon2, the only one in RFC 9106. */
const VERSION = 19;

const PHC =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,6}),t=([1-9]\d{0,2}),p=([1-9]\d{0,1})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/;

/** How much hashing may go on. */
export interface PasswordOptions {
  /** Hashes that run at once. Each takes a thread of Node's pool and 19 MiB. */
  readonly concurrency: number;
  /** Callers that wait for their turn; one more fails at once. */
  readonly maxWaiting: number;
  /** How long a caller waits for its turn, in milliseconds. */
  readonly waitMs: number;
}

/** There are more passwords to hash than can be done in time. The caller should try again later. */
export class PasswordsBusyError extends Error {
  readonly code = "ERR_PASSWORDS_BUSY";

  constructor(found: string, options?: ErrorOptions) {
    super(`Cannot hash a password: found ${found}`, options);
    this.name = "PasswordsBusyError";
  }
}

interface StoredPassword {
  readonly parameters: Omit<Argon2Parameters, "message">;
  readonly tag: Buffer;
}

/** Hashes and verifies passwords. */
export class Passwords {
  readonly #options: PasswordOptions;
  readonly #waiting: Array<() => void> = [];
  readonly #nobody: StoredPassword = {
    parameters: newParameters(),
    tag: randomBytes(TAG_BYTES),
  };
  #running = 0;

  constructor(options: PasswordOptions) {
    this.#options = options;
  }

  /** The limits in force, by name. */
  get limits(): Readonly<Record<string, number>> {
    const { concurrency, maxWaiting, waitMs } = this.#options;
    return { passwordConcurrency: concurrency, maxWaitingPasswords: maxWaiting, passwordWaitMs: waitMs };
  }

  /**
   * The PHC string to store for a password.
   *
   * @throws PasswordsBusyError when too many wait, or the wait takes too long.
   */
  async hash(password: string): Promise<string> {
    const parameters = newParameters();
    const tag = await this.#argon2id(password, parameters);
    return `$argon2id$v=${VERSION}$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${base64(parameters.nonce)}$${base64(tag)}`;
  }

  /**
   * Says whether a password is the stored one. Without a stored one, which is how an unknown user is asked for, the
   * answer is no after the same work.
   *
   * @throws PasswordsBusyError as `hash`; Error for a stored text that is no PHC string of Argon2id.
   */
  async verify(password: string, stored: string | undefined): Promise<boolean> {
    const { parameters, tag } = stored === undefined ? this.#nobody : parse(stored);
    const isSame = timingSafeEqual(await this.#argon2id(password, parameters), tag);
    return isSame && stored !== undefined;
  }

  async #argon2id(password: string, parameters: Omit<Argon2Parameters, "message">): Promise<Buffer> {
    await this.#enter();
    try {
      // Returns no way to cancel: a hash on the thread pool cannot be stopped, and its turn lasts as long as it does.
      return await suspend<Buffer>("hash a password", (resume, fail) => {
        const message = Buffer.from(password.normalize("NFKC"), "utf8");
        argon2("argon2id", { ...parameters, message }, (error, tag) => {
          if (error === null) resume(tag);
          else fail(error);
        });
        return undefined;
      });
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#options.concurrency) {
      this.#running++;
      return;
    }
    const { maxWaiting, waitMs } = this.#options;
    if (this.#waiting.length >= maxWaiting) {
      throw new PasswordsBusyError(`${maxWaiting} callers that wait, which is the limit`);
    }
    try {
      await withDeadline(waitMs, () => this.#turn());
    } catch (error) {
      if (!(error instanceof DeadlineError)) throw error;
      throw new PasswordsBusyError(`no turn within ${waitMs} ms`, { cause: error });
    }
  }

  /** Waits for a turn. Whoever leaves hands its turn over, so that nobody can come in between. */
  #turn(): Promise<void> {
    return suspend<void>("wait to hash a password", (resume) => {
      const take = (): void => resume();
      this.#waiting.push(take);
      return () => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
      };
    });
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}

function newParameters(): Omit<Argon2Parameters, "message"> & { readonly nonce: Buffer } {
  return {
    nonce: randomBytes(SALT_BYTES),
    parallelism: LANES,
    tagLength: TAG_BYTES,
    memory: MEMORY_KIB,
    passes: PASSES,
  };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64").replace(/=+$/, "");
}

/** Reads the parameters from the stored text, so that stored passwords stay good when the constants above change. */
function parse(stored: string): StoredPassword {
  const match = PHC.exec(stored);
  if (match === null) throw new Error("Cannot read a stored password: found no PHC string of Argon2id");
  const [, memory, passes, lanes, salt, encodedTag] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const tag = Buffer.from(encodedTag, "base64");
  const parameters = {
    nonce: Buffer.from(salt, "base64"),
    parallelism: Number(lanes),
    tagLength: tag.length,
    memory: Number(memory),
    passes: Number(passes),
  };
  return { parameters, tag };
}
