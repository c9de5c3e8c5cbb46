import assert from "node:assert/strict";
import { test } from "node:test";
import { isCommit, MessageSplitter, outcomeOf, StatementReader, type WireMessage } from "./postgres-wire.ts";
import { seededRandom } from "./seeded-random.ts";
import { message, startupMessage } from "./wire-messages.fixture.ts";

const session = [
  message("", "\u0004\u00d2\u0016\u002f", "latin1"),
  startupMessage(),
  message("p", "secret\0"),
  message("Q", "begin\0"),
  message("P", "named\0commit\0\0\0"),
  message("B", "portal\0named\0\0\0\0\0\0\0"),
  message("E", "portal\0\0\0\0\0"),
  message("S", ""),
  message("X", ""),
];

function read(chunks: readonly Buffer[]): WireMessage[] {
  const splitter = new MessageSplitter("startup");
  return chunks.flatMap((chunk) => splitter.push(chunk));
}

test("messages are found whole when a whole session comes in one chunk", () => {
  const found = read([Buffer.concat(session)]);
  assert.deepStrictEqual(
    found.map((one) => one.type),
    ["ssl-request", "startup", "p", "Q", "P", "B", "E", "S", "X"],
  );
  assert.deepStrictEqual(
    found.map((one) => one.bytes),
    session,
  );
});

test("messages are found whole wherever the chunks are cut", (t) => {
  const seed = Date.now() % 1_000_000;
  t.diagnostic(`seed ${seed}`);
  const random = seededRandom(seed);
  const bytes = Buffer.concat(session);
  for (let round = 0; round < 200; round++) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + random.below(round % 2 === 0 ? 3 : 30);
      chunks.push(bytes.subarray(at, at + size));
      at += size;
    }
    assert.deepStrictEqual(
      read(chunks).map((one) => one.bytes),
      session,
    );
  }
});

test("an unfinished message is kept and can be taken out", () => {
  const splitter = new MessageSplitter("messages");
  const whole = message("Q", "select 1\0");
  assert.deepStrictEqual(splitter.push(whole.subarray(0, 7)), []);
  assert.deepStrictEqual(splitter.rest(), whole.subarray(0, 7));
});

test("bytes of another protocol come out unchanged", () => {
  const found = read([Buffer.from("GET / HTTP/1.1\r\n\r\n"), Buffer.from("more")]);
  assert.deepStrictEqual(
    found.map((one) => [one.type, one.bytes.toString()]),
    [
      ["opaque", "GET / HTTP/1.1\r\n\r\n"],
      ["opaque", "more"],
    ],
  );
});

test("a statement runs at Query and at Execute, not at Parse or Bind", () => {
  const reader = new StatementReader();
  const ran = read(session).map((one) => reader.read(one));
  assert.deepStrictEqual(ran, [null, null, null, "begin", null, null, "commit", null, null]);
});

test("a portal runs the statement it was bound to, until either is closed or replaced", () => {
  const reader = new StatementReader();
  const say = (type: string, body: string) => reader.read(one(message(type, body)));
  const one = (bytes: Buffer): WireMessage => ({
    type: String.fromCharCode(bytes[0]!),
    bytes,
    body: bytes.subarray(5),
  });
  say("P", "a\0insert 1\0\0\0");
  say("P", "\0commit\0\0\0");
  say("B", "\0a\0\0\0\0\0\0\0");
  assert.equal(say("E", "\0\0\0\0\0"), "insert 1");
  say("B", "\0\0\0\0\0\0\0\0");
  assert.equal(say("E", "\0\0\0\0\0"), "commit");
  say("C", "P\0");
  assert.equal(say("E", "\0\0\0\0\0"), null);
});

test("a commit is recognised in any spelling, and nothing else is taken for one", () => {
  for (const sql of [
    "COMMIT",
    "commit;",
    " Commit Work ;",
    "commit transaction",
    "insert into a values (1); commit",
  ]) {
    assert.ok(isCommit(sql), sql);
  }
  for (const sql of [
    "begin",
    "commit prepared 'x'",
    "select 'commit'",
    "rollback",
    "commit; select 1",
    "recommit",
  ]) {
    assert.ok(!isCommit(sql), sql);
  }
});

test("the outcome of a statement is its tag or its SQLSTATE", () => {
  const [tag, error, row] = new MessageSplitter("messages").push(
    Buffer.concat([
      message("C", "INSERT 0 1\0"),
      message("E", "SERROR\0C23505\0Mduplicate\0\0"),
      message("D", "\0\0"),
    ]),
  );
  assert.deepStrictEqual(outcomeOf(tag!), { tag: "INSERT 0 1" });
  assert.deepStrictEqual(outcomeOf(error!), { sqlState: "23505" });
  assert.deepStrictEqual(outcomeOf(row!), {});
});
