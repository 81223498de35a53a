/**
 * RFC 6455, section by section: what a client may send and must not, and what an echoing server answers, as a table. Each row
 * is sent whole and in pieces, byte by byte where it is short.
 */
import assert from "node:assert/strict";
import { webSocket } from "../../../packages/lunet/src/http/mod.ts";
import { coroutineTest } from "../../../packages/lunet/src/testing/mod.ts";
import { talk } from "./server-harness.ts";
import { closeFrame, frame, FrameClient, OPCODES } from "./web-socket-harness.ts";

const { continuation, text, binary, close, ping, pong } = OPCODES;
const bye = closeFrame(1000);
const euro = Buffer.from("€");
/** A message of 1 MiB, which is as much as the default allows. */
const longest = "x".repeat(1_048_576);

const TABLE: ReadonlyArray<
  readonly [clause: string, what: string, sent: readonly Uint8Array[], answers: readonly string[]]
> = [
  ["1.4", "a Close frame is answered with its code", [closeFrame(1000, "done")], ["close 1000 done"]],
  ["5.1", "a frame without a mask", [frame({ opcode: text, payload: "a", mask: false })], ["close 1002"]],
  ["5.1", "a Close frame without a mask", [frame({ opcode: close, mask: false })], ["close 1002"]],
  ["5.2", "text", [frame({ opcode: text, payload: "hello" }), bye], ["text hello", "close 1000"]],
  ["5.2", "text beyond ASCII", [frame({ opcode: text, payload: "grüß 😀" }), bye], ["text grüß 😀", "close 1000"]],
  ["5.2", "bytes", [frame({ opcode: binary, payload: Buffer.from([0, 255]) }), bye], ["binary 00ff", "close 1000"]],
  [
    "5.2",
    "empty messages",
    [frame({ opcode: text }), frame({ opcode: binary }), bye],
    ["text", "binary", "close 1000"],
  ],
  ["5.2", "125 bytes", [frame({ opcode: text, payload: "x".repeat(125) }), bye], ["text 125 characters", "close 1000"]],
  ["5.2", "126 bytes", [frame({ opcode: text, payload: "x".repeat(126) }), bye], ["text 126 characters", "close 1000"]],
  [
    "5.2",
    "65,535 bytes",
    [frame({ opcode: text, payload: "x".repeat(65_535) }), bye],
    ["text 65535 characters", "close 1000"],
  ],
  [
    "5.2",
    "65,536 bytes",
    [frame({ opcode: text, payload: "x".repeat(65_536) }), bye],
    ["text 65536 characters", "close 1000"],
  ],
  ["5.2", "a reserved bit", [frame({ opcode: text, payload: "a", rsv: 4 })], ["close 1002"]],
  ["5.2", "another reserved bit", [frame({ opcode: text, payload: "a", rsv: 2 })], ["close 1002"]],
  ["5.2", "the last reserved bit", [frame({ opcode: text, payload: "a", rsv: 1 })], ["close 1002"]],
  ["5.2", "a reserved bit in a ping", [frame({ opcode: ping, rsv: 1 })], ["close 1002"]],
  [
    "5.2",
    "a reserved bit in a continuation",
    [frame({ opcode: text, fin: false }), frame({ opcode: continuation, rsv: 4 })],
    ["close 1002"],
  ],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): (typeof TABLE)[number] => [
    "5.2",
    `the reserved opcode ${opcode}`,
    [frame({ opcode, payload: "a" })],
    ["close 1002"],
  ]),
  [
    "5.2",
    "what came whole before a violation is a message",
    [frame({ opcode: text, payload: "a" }), frame({ opcode: 3 })],
    ["text a", "close 1002"],
  ],
  ["5.2", "a length of more than 2^53 bytes", [frame({ opcode: text, length: 2n ** 62n })], ["close 1009"]],
  ["5.2", "a length with the highest bit", [frame({ opcode: text, length: 2n ** 63n + 1n })], ["close 1009"]],
  [
    "5.4",
    "two fragments",
    [frame({ opcode: text, payload: "hel", fin: false }), frame({ opcode: continuation, payload: "lo" }), bye],
    ["text hello", "close 1000"],
  ],
  [
    "5.4",
    "fragments with pings between them",
    [
      frame({ opcode: text, payload: "a", fin: false }),
      frame({ opcode: ping, payload: "1" }),
      frame({ opcode: continuation, payload: "b", fin: false }),
      frame({ opcode: ping, payload: "2" }),
      frame({ opcode: continuation, payload: "c" }),
      bye,
    ],
    ["pong 1", "pong 2", "text abc", "close 1000"],
  ],
  [
    "5.4",
    "empty fragments",
    [
      frame({ opcode: text, fin: false }),
      frame({ opcode: continuation, fin: false }),
      frame({ opcode: continuation }),
      bye,
    ],
    ["text", "close 1000"],
  ],
  ["5.4", "a continuation of nothing", [frame({ opcode: continuation, payload: "a" })], ["close 1002"]],
  [
    "5.4",
    "a continuation of a message that is whole",
    [frame({ opcode: text }), frame({ opcode: continuation })],
    ["text", "close 1002"],
  ],
  ["5.4", "a message within a message", [frame({ opcode: text, fin: false }), frame({ opcode: text })], ["close 1002"]],
  ["5.5", "a ping in fragments", [frame({ opcode: ping, fin: false })], ["close 1002"]],
  ["5.5", "a Close frame in fragments", [frame({ opcode: close, fin: false })], ["close 1002"]],
  [
    "5.5",
    "a ping of 125 bytes",
    [frame({ opcode: ping, payload: "x".repeat(125) }), bye],
    ["pong 125 characters", "close 1000"],
  ],
  ["5.5", "a ping of 126 bytes", [frame({ opcode: ping, payload: "x".repeat(126) })], ["close 1002"]],
  ["5.5", "a Close frame of 126 bytes", [closeFrame(1000, "x".repeat(124))], ["close 1002"]],
  ["5.5.1", "a Close frame without a code", [frame({ opcode: close })], ["close"]],
  ["5.5.1", "half a code", [frame({ opcode: close, payload: "a" })], ["close 1002"]],
  ["5.5.1", "a message behind a Close frame", [bye, frame({ opcode: text, payload: "late" })], ["close 1000"]],
  [
    "5.5.1",
    "a message before a Close frame is answered first",
    [frame({ opcode: text, payload: "a" }), bye],
    ["text a", "close 1000"],
  ],
  [
    "5.5.2",
    "each of several pings",
    [..."0123456789"].map((payload) => frame({ opcode: ping, payload })).concat(bye),
    [..."0123456789"].map((payload) => `pong ${payload}`).concat("close 1000"),
  ],
  ["5.5.3", "a pong that nobody asked for", [frame({ opcode: pong, payload: "x" }), bye], ["close 1000"]],
  ...[1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999].map(
    (code): (typeof TABLE)[number] => ["7.4.1", `the code ${code}`, [closeFrame(code)], [`close ${code}`]],
  ),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code): (typeof TABLE)[number] => [
    "7.4.2",
    `the code ${code}, which none may send`,
    [closeFrame(code)],
    ["close 1002"],
  ]),
  [
    "8.1",
    "a character across two fragments",
    [
      frame({ opcode: text, payload: euro.subarray(0, 1), fin: false }),
      frame({ opcode: continuation, payload: euro.subarray(1) }),
      bye,
    ],
    ["text €", "close 1000"],
  ],
  ["8.1", "half a character at the end", [frame({ opcode: text, payload: euro.subarray(0, 2) })], ["close 1007"]],
  [
    "8.1",
    "invalid UTF-8 across fragments",
    [frame({ opcode: text, payload: euro.subarray(0, 1), fin: false }), frame({ opcode: continuation, payload: "a" })],
    ["close 1007"],
  ],
  ["8.1", "a surrogate in UTF-8", [frame({ opcode: text, payload: Buffer.from("eda080", "hex") })], ["close 1007"]],
  ["8.1", "an overlong form", [frame({ opcode: text, payload: Buffer.from("c0af", "hex") })], ["close 1007"]],
  [
    "8.1",
    "a character past U+10FFFF",
    [frame({ opcode: text, payload: Buffer.from("f4908080", "hex") })],
    ["close 1007"],
  ],
  [
    "8.1",
    "bytes need not be UTF-8",
    [frame({ opcode: binary, payload: Buffer.from("c0", "hex") }), bye],
    ["binary c0", "close 1000"],
  ],
  ["8.1", "a reason that is not UTF-8", [closeFrame(1000, Buffer.from("c0", "hex"))], ["close 1007"]],
  [
    "10.4",
    "a message as long as maxMessageBytes",
    [frame({ opcode: text, payload: longest }), bye],
    ["text 1048576 characters", "close 1000"],
  ],
  ["10.4", "a longer message, at its length already", [frame({ opcode: text, length: 1_048_577n })], ["close 1009"]],
  [
    "10.4",
    "a longer message, in fragments",
    [frame({ opcode: text, payload: longest, fin: false }), frame({ opcode: continuation, payload: "x" })],
    ["close 1009"],
  ],
];

const echo = webSocket(async (socket) => {
  for await (const message of socket) await socket.send(message);
});

for (const [clause, what, sent, answers] of TABLE) {
  const bytes = Buffer.concat(sent);
  // A frame in many pieces that are smaller on average is refused, because of what they cost.
  const pieceLength = bytes.length > 10_000 ? 64 : 1;
  for (const [how, pieces] of [
    ["whole", [bytes]],
    [
      "in pieces",
      Array.from({ length: Math.ceil(bytes.length / pieceLength) }, (_, at) =>
        bytes.subarray(at * pieceLength, (at + 1) * pieceLength),
      ),
    ],
  ] as const) {
    coroutineTest(`RFC 6455, ${clause}: ${what}, ${how}: ${answers.join(", ")}`, () =>
      talk("memory", echo, async ({ client }) => {
        const socket = await FrameClient.open(client);
        for (const piece of pieces) await socket.send(piece);
        assert.deepEqual(await socket.readAll(), answers);
      }),
    );
  }
}
