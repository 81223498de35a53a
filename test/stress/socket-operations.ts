/** Sockets on loopback and Unix sockets: with the run's echo servers, and pairs of their own. */
import { scope, sleep, spawn, withDeadline } from "lunet";
import { writeFile } from "lunet/fs";
import { connect, listen, type Connection, type ListenOptions } from "lunet/net";
import type { Random } from "../fuzz/random.ts";
import { check, type Operation, type World } from "./world.ts";

/** More than the buffers of both ends hold. */
const MUCH_BYTES = 1_000_000;

/** Sends back whatever comes, until the peer has ended. */
export async function echo(connection: Connection): Promise<void> {
  for (;;) {
    const bytes = await connection.read();
    if (bytes === null) return;
    await connection.write(bytes);
  }
}

async function readAll(connection: Connection): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const bytes = await connection.read();
    if (bytes === null) return Buffer.concat(pieces);
    pieces.push(bytes);
  }
}

async function readExactly(connection: Connection, count: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (let held = 0; held < count;) {
    const bytes = await connection.read();
    check(bytes !== null, () => `found the end after ${held} bytes, wanted ${count}`);
    pieces.push(bytes);
    held += bytes.length;
  }
  return Buffer.concat(pieces);
}

type Side = (connection: Connection) => Promise<void>;

/** A connected pair, on TCP or on a Unix socket. Each side has a coroutine, which closes it at its end. */
async function withPair(world: World, random: Random, server: Side, client: Side): Promise<void> {
  const where: ListenOptions = random.below(2) === 0 ? {} : { path: world.newPath("sock") };
  await scope(async () => {
    await using listener = await listen(where);
    const { port } = listener;
    const accepting = spawn(
      async () => {
        await using connection = await listener.accept();
        await server(connection);
      },
      { name: "server side" },
    );
    {
      await using connection = await connect(where.path === undefined ? { port } : { path: where.path });
      await client(connection);
    }
    await accepting.join();
  });
}

async function echoOver(world: World, random: Random, count: number): Promise<void> {
  await using connection = await connect(random.pick(world.echoes));
  const bytes = Buffer.alloc(count, random.below(256));
  await scope(async () => {
    // A writer that does not read fills both buffers, and then nobody goes on.
    spawn(async () => {
      await connection.write(bytes);
      await connection.shutdown();
    });
    const found = await readAll(connection);
    check(found.equals(bytes), () => `found ${found.length} bytes back, wanted ${count}`);
  });
}

export const socketOperations: Readonly<Record<string, Operation>> = {
  async "echo little"(world, random) {
    await echoOver(world, random, 1 + random.below(100));
  },

  async "echo much"(world, random) {
    await echoOver(world, random, random.below(MUCH_BYTES));
  },

  async "question and answer"(world, random) {
    const rounds = 1 + random.below(5);
    await withPair(world, random, echo, async (connection) => {
      for (let round = 0; round < rounds; round++) {
        await connection.write(`round ${round}`);
        const found = await readExactly(connection, 7);
        check(found.toString() === `round ${round}`, () => `found ${found.toString()}`);
      }
    });
  },

  async "half close"(world, random) {
    const text = "x".repeat(1 + random.below(1_000));
    await withPair(
      world,
      random,
      async (connection) => {
        const found = await readAll(connection);
        await connection.write(`${found.length}`);
        await connection.shutdown();
      },
      async (connection) => {
        await connection.write(text);
        await connection.shutdown();
        await world.mustFail(["ERR_CLOSED"], () => connection.write("more"));
        const found = await readAll(connection);
        check(found.toString() === `${text.length}`, () => `found ${found.toString()}, wanted ${text.length}`);
      },
    );
  },

  async reset(world, random) {
    const delayMs = random.below(2);
    await withPair(
      world,
      random,
      async (connection) => {
        await connection.read();
        await sleep(delayMs);
        connection.destroy({ reset: true });
      },
      async (connection) => {
        await connection.write("x");
        // A Unix socket knows no reset, and gives the end.
        await world.mayFail(["ERR_CONNECTION_RESET"], () => readAll(connection));
        // What the system says of a write to a peer that is gone depends on how far it has got.
        const gone = ["ERR_CONNECTION_RESET", "ERR_CLOSED", "ERR_SOCKET"];
        await world.mayFail(gone, () => connection.write("y"));
      },
    );
  },

  async "destroyed by its own side"(world, random) {
    await withPair(
      world,
      random,
      async (connection) => void (await world.mayFail(["ERR_CONNECTION_RESET"], () => readAll(connection))),
      async (connection) => {
        const reader = spawn(() => world.mustFail(["ERR_CLOSED"], () => connection.read()));
        await sleep(0);
        connection.destroy({ reset: random.below(2) === 0 });
        await reader.join();
      },
    );
  },

  async "close that wakes a reader"(world, random) {
    await withPair(
      world,
      random,
      async (connection) => void (await readAll(connection)),
      async (connection) => {
        const reader = spawn(() => world.mustFail(["ERR_CLOSED"], () => connection.read()));
        await sleep(0);
        await connection.close();
        await reader.join();
      },
    );
  },

  async "reader that is slow"(world, random) {
    const bytes = Buffer.alloc(MUCH_BYTES, 1);
    const pauses = 1 + random.below(3);
    await withPair(
      world,
      random,
      async (connection) => {
        for (let sent = 0; sent < bytes.length; sent += 50_000)
          await connection.write(bytes.subarray(sent, sent + 50_000));
        await connection.shutdown();
      },
      async (connection) => {
        for (let pause = 0; pause < pauses; pause++) {
          await readExactly(connection, 1);
          await sleep(1);
        }
        await readAll(connection);
      },
    );
  },

  async "cancelled read"(world, random) {
    await withPair(world, random, echo, async (connection) => {
      await world.mustFail(["ERR_DEADLINE"], () => withDeadline(1 + random.below(3), () => connection.read()));
      await connection.write("still here");
      const found = await readExactly(connection, 10);
      check(found.toString() === "still here", () => `found ${found.toString()}`);
    });
  },

  async "cancelled write"(world, random) {
    const piece = Buffer.alloc(100_000, 1);
    await withPair(
      world,
      random,
      async (connection) => {
        // Nothing is read until the other side has given up.
        await readExactly(connection, 1);
        await sleep(5);
        await world.mayFail(["ERR_CONNECTION_RESET"], () => readAll(connection));
      },
      async (connection) => {
        await world.mayFail(["ERR_DEADLINE"], () =>
          withDeadline(1 + random.below(3), async () => {
            for (let round = 0; round < 100; round++) await connection.write(piece);
          }),
        );
        connection.destroy();
      },
    );
  },

  async "pair in a deadline"(world, random) {
    const timeoutMs = 1 + random.below(5);
    await world.mustFail(["ERR_DEADLINE"], () =>
      withDeadline(timeoutMs, () =>
        withPair(world, random, echo, async (connection) => {
          await connection.read();
        }),
      ),
    );
  },

  async "accept that is cancelled"(world, random) {
    await using listener = await listen();
    await world.mustFail(["ERR_DEADLINE"], () => withDeadline(1 + random.below(3), () => listener.accept()));
  },

  async "accept that is closed"(world) {
    await using listener = await listen({ path: world.newPath("sock") });
    const acceptor = spawn(() => world.mustFail(["ERR_CLOSED"], () => listener.accept()));
    await sleep(0);
    listener.close();
    await acceptor.join();
  },

  async "connections that nobody accepts"(world, random) {
    const path = world.newPath("sock");
    const count = 1 + random.below(4);
    await using listener = await listen({ path });
    await scope(async () => {
      for (let one = 0; one < count; one++) {
        spawn(async () => {
          // How far it gets before the listener closes is up to the system.
          await world.mayFail(["ERR_CONNECTION_RESET", "ERR_CONNECTION_REFUSED", "ERR_ADDRESS_NOT_FOUND"], async () => {
            await using connection = await connect({ path });
            await readAll(connection);
          });
        });
      }
      await sleep(1);
      listener.close();
    });
  },

  async "nobody listens"(world) {
    await world.mustFail(["ERR_ADDRESS_NOT_FOUND"], () => connect({ path: world.newPath("sock") }));
    const path = world.newPath("sock");
    // An ordinary file is refused as a socket is that nobody listens on (Linux, unix(7)).
    await writeFile(path, "");
    await world.mustFail(["ERR_CONNECTION_REFUSED"], () => connect({ path }));
  },

  async "address in use"(world) {
    await using first = await listen({ path: world.newPath("sock") });
    const { address } = first;
    check("path" in address, () => "the listener has no path");
    await world.mustFail(["ERR_ADDRESS_IN_USE"], () => listen({ path: address.path }));
  },

  async "connect that is cancelled"(world, random) {
    const turns = random.below(3);
    const where = random.pick(world.echoes);
    const connector = spawn(async () => {
      await using connection = await connect(where);
      await connection.write("x");
      await connection.read();
    });
    for (let turn = 0; turn < turns; turn++) await sleep(0);
    connector.cancel();
    await world.mayFail(["ERR_COROUTINE_CANCELLED"], () => connector.join());
  },
};
