import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { coroutineTest, socketSuite, type ConnectPair } from "../testing/mod.ts";
import { connect } from "./connect.ts";
import { listen, type ListenOptions } from "./listener.ts";

/** Whether this machine has ::1; containers often have not. */
const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1"));

function pairsOver(where: ListenOptions): ConnectPair {
  return async (options) => {
    await using listener = await listen({ ...where, ...options });
    const { address } = listener;
    const target = address.family === "unix" ? { path: address.path } : { host: where.host ?? "", port: listener.port };
    const client = await connect({ ...target, ...options });
    return [client, await listener.accept()];
  };
}

socketSuite("IPv4", pairsOver({ host: "127.0.0.1" }));

if (hasIPv6) socketSuite("IPv6", pairsOver({ host: "::1" }));
else
  coroutineTest("IPv6: a machine without it says so", async () => {
    await assert.rejects(listen({ host: "::1" }), { code: "ERR_ADDRESS_NOT_AVAILABLE" });
  });

const folder = mkdtempSync(join(tmpdir(), "lunet-"));
test.after(() => rmSync(folder, { recursive: true }));
socketSuite("Unix socket", pairsOver({ path: join(folder, "socket") }), { hasReset: false });
