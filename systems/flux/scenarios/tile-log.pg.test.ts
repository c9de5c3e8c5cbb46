/** The audit log as a third party reads it: over HTTP alone, at the paths of c2sp.org/tlog-tiles, by a program that has nothing of ours. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  appendToLogs,
  auditContext,
  lockTrees,
  newId,
  nonceBytes,
  originOf,
  sheetsOf,
  signingKey,
  withAudit,
} from "@entente/core/internal";
import type { Entry } from "@entente/core/model";
import { demoTenant } from "../app/flux.ts";
import { comes, startChargedFlux } from "./charged-flux.fixture.ts";

const reader = fileURLToPath(new URL("../../../examples/read-audit-log/read.ts", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "flux-tiles-"));
const key = signingKey("flux.example/audit", Buffer.alloc(32, 11));
const { verifierKey } = key.named(originOf(key.name, demoTenant));
const flux = await startChargedFlux({
  around: withAudit,
  auditSigning: { key, lastSignedFile: join(folder, "last-signed") },
});
after(async () => {
  await flux.stop();
  await rm(folder, { recursive: true, force: true });
});
const { token } = await flux.callerAs({ role: "auditor" });
const log = `${flux.url}/audit/${demoTenant}`;
const ask = (path: string): Promise<Response> =>
  fetch(`${log}/${path}`, { headers: { authorization: `Bearer ${token}` } });

const tokenFile = join(folder, "token");
await writeFile(tokenFile, token);

/** The reader as its user starts it. */
function read(from: string, publicKey: string, ...more: string[]): Promise<{ code: number; said: string[] }> {
  return readAs(tokenFile, from, publicKey, ...more);
}

function readAs(
  token: string,
  from: string,
  publicKey: string,
  ...more: string[]
): Promise<{ code: number; said: string[] }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [reader, from, publicKey, token, ...more], (error, stdout, stderr) => {
      assert.equal(stderr, "");
      resolve({ code: error === null ? 0 : Number(error.code), said: stdout.trimEnd().split("\n") });
    });
  });
}

let opened = 0;
/** Has the log grow to so many entries at least, all signed. Four entries for each account: what was asked for, and what became of it. */
async function grown(atLeast: number): Promise<{ readonly note: string; readonly size: number }> {
  let note = "";
  const size = () => Number(note.split("\n")[1] ?? 0);
  while (opened * 4 < atLeast) await flux.open(`acct-${String(++opened).padStart(4, "0")}`);
  await comes(
    `the signed log has ${atLeast} entries`,
    async () => {
      const answer = await ask("checkpoint");
      note = answer.status === 200 ? await answer.text() : "";
      return size() >= opened * 4;
    },
    size,
  );
  return { note, size: size() };
}

test("the reader imports nothing but Node's own modules", async () => {
  const source = await readFile(reader, "utf8");
  const imported = [...source.matchAll(/\bfrom "([^"]+)"/g)].map(([, name = ""]) => name);
  assert.ok(imported.length > 0 && imported.every((name) => name.startsWith("node:")));
  assert.doesNotMatch(source, /\bimport\(|\brequire\(/);
});

test("it reads the whole log of a running system over HTTP, and that the log still begins with what it was before", async () => {
  const early = await grown(100);
  const known = join(folder, "early.txt");
  await writeFile(known, early.note);
  assert.ok((await verified(early.size)) < 256, "one partial tile");
  // Two full tiles and the beginning of a third, and a level above them.
  const later = await grown(2 * 256 + 8);
  assert.ok((await verified(later.size, known)) < 3 * 256);
  const shorter = join(folder, "none.txt");
  await writeFile(shorter, early.note.replace(/\n\d+\n/, "\n1\n"));
  assert.deepEqual((await read(log, verifierKey, shorter)).said, [
    "the log does not begin with what was signed before",
    "NOT verified: 1 problems",
  ]);
});

/** How many entries it has verified: at least those. */
async function verified(atLeast: number, ...known: string[]): Promise<number> {
  const { code, said } = await read(log, verifierKey, ...known);
  assert.equal(code, 0, said.join("\n"));
  const [, entries = ""] = /^verified: (\d+) entries$/.exec(said.at(-1) ?? "") ?? [];
  assert.ok(Number(entries) >= atLeast);
  return Number(entries);
}

test("paths, types and bytes are those of the specification, and there is no other way to spell them", async () => {
  const { size } = await grown(2 * 256 + 8);
  const checkpoint = await ask("checkpoint");
  assert.equal(checkpoint.headers.get("content-type"), "text/plain; charset=utf-8");
  assert.equal(checkpoint.headers.get("cache-control"), "no-store");
  const expected: [string, number][] = [
    ["tile/0/000", 256 * 32],
    ["tile/0/001", 256 * 32],
    [`tile/0/002.p/${size - 512}`, (size - 512) * 32],
    ["tile/1/000.p/2", 2 * 32],
  ];
  const tiles = new Map<string, Buffer>();
  for (const [path, bytes] of expected) {
    const answer = await ask(path);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers.get("content-type"), "application/octet-stream");
    assert.match(String(answer.headers.get("cache-control")), /immutable/);
    const body = Buffer.from(await answer.arrayBuffer());
    assert.equal(body.length, bytes, path);
    tiles.set(path, body);
  }
  const entries = Buffer.from(await (await ask("tile/entries/001")).arrayBuffer());
  const first = entries.subarray(2, 2 + entries.readUInt16BE(0));
  const hash = createHash("sha256").update(Buffer.of(0)).update(first).digest();
  assert.deepEqual(
    tiles.get("tile/0/001")?.subarray(0, 32),
    hash,
    "an entry hashes to its place in the tile",
  );
  for (const path of [
    // Beyond the log, full where it is partial, empty.
    "tile/0/003",
    "tile/0/002",
    "tile/0/002.p/255",
    "tile/1/000",
    "tile/1/000.p/3",
    "tile/2/000.p/1",
    "tile/entries/003",
    // Spellings that no client makes.
    "tile/0/0",
    "tile/0/x000/000",
    "tile/00/000",
    "tile/64/000",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/01",
    "tile/entries/x000/001",
  ]) {
    const { status } = await ask(path);
    assert.equal(status, 404, path);
  }
});

test("it finds what was changed on the way: a hash, a hash above, an entry, a checkpoint of another key", async () => {
  await grown(2 * 256 + 8);
  const stranger = signingKey("flux.example/audit", Buffer.alloc(32, 12)).named(
    originOf(key.name, demoTenant),
  );
  assert.deepEqual(await read(log, stranger.verifierKey), {
    code: 1,
    said: ["the checkpoint is not signed by the key", "NOT verified: 1 problems"],
  });
  for (const [path, problem] of [
    ["tile/0/001", "the tiles are not those of the signed root"],
    ["tile/1/000.p/2", "hash 0 of level 1 is not that of the tile below it"],
    ["tile/entries/000", "entry 0 is not the one whose hash stands in the tree"],
  ] as const) {
    const changed = await tampered(path);
    const { code, said } = await read(changed, verifierKey);
    assert.equal(code, 1);
    assert.ok(said.includes(problem), said.join("\n"));
  }
});

/** The log behind something that changes a byte of one resource. */
async function tampered(path: string): Promise<string> {
  const server = createServer((request, response) => {
    const asked = String(request.url).slice(1);
    void ask(asked).then(async (answer) => {
      const body = Buffer.from(await answer.arrayBuffer());
      // Behind the length of the first entry, where it is a bundle.
      if (asked === path) body[5] = (body[5] ?? 0) ^ 1;
      response
        .writeHead(answer.status, { "content-type": String(answer.headers.get("content-type")) })
        .end(body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Grows a tenant's log by so many entries, as the runtime writes them, without the business that would take an hour. */
async function logged(tenantId: string, count: number): Promise<void> {
  const audit = flux.system.contexts.get(auditContext);
  assert.ok(audit !== undefined);
  const now = Date.now();
  const generation = randomUUID();
  await audit.database.transaction(async (connection) => {
    const entries = Array.from({ length: count }, (_, n): Entry => {
      const id = newId(now);
      return {
        id,
        kind: "event",
        type: "flux.balance-debited",
        schemaVersion: "1.0.0",
        source: "subscription",
        target: null,
        tenantId,
        key: `acct-${n % 100}`,
        keyVersion: 1 + Math.floor(n / 100),
        processId: id,
        correlationId: id,
        causationId: null,
        customerId: null,
        ttlMs: null,
        traceparent: null,
        occurredAt: now,
        data: { n },
        position: { xid: "1000", seq: String(n) },
        lane: 0,
      };
    });
    const trees = await lockTrees(connection, [tenantId]);
    const sheets = sheetsOf(entries, randomBytes(nonceBytes * count), () => generation);
    const { statement, values } = appendToLogs(trees.map((tree) => ({ tree, sheets })));
    await connection.run(statement, values);
  });
}

test("a log of more than 65,536 entries has a third level of tiles, and is read like any other", async () => {
  const tenant = "large";
  const size = 256 ** 2 + 2 * 256 + 8;
  await logged(tenant, size);
  const { token: own } = await flux.callerAs({ role: "auditor", tenant });
  const ownToken = join(folder, "large-token");
  await writeFile(ownToken, own);
  const address = `${flux.url}/audit/${tenant}`;
  const headers = { authorization: `Bearer ${own}` };
  let signed = 0;
  await comes(
    "the log is signed",
    async () => {
      const answer = await fetch(`${address}/checkpoint`, { headers });
      signed = answer.status === 200 ? Number((await answer.text()).split("\n")[1]) : 0;
      return signed === size;
    },
    () => signed,
  );
  const tile = async (path: string): Promise<Buffer | number> => {
    const answer = await fetch(`${address}/${path}`, { headers });
    return answer.status === 200 ? Buffer.from(await answer.arrayBuffer()) : answer.status;
  };
  const top = await tile("tile/2/000.p/1");
  assert.ok(top instanceof Buffer && top.length === 32);
  const below = await tile("tile/1/000");
  assert.ok(below instanceof Buffer && below.length === 256 * 32);
  assert.deepEqual(top, rootOfFullTile(below));
  assert.deepEqual(
    await Promise.all(["tile/2/000", "tile/2/000.p/2", "tile/2/001", "tile/3/000.p/1"].map(tile)),
    [404, 404, 404, 404],
  );
  const { verifierKey: ownKey } = key.named(originOf(key.name, tenant));
  assert.deepEqual(await readAs(ownToken, address, ownKey), {
    code: 0,
    said: [`verified: ${size} entries`],
  });
});

/** RFC 6962, 2.1, over the hashes of a full tile. */
function rootOfFullTile(hashes: Buffer): Buffer {
  if (hashes.length === 32) return hashes;
  const half = hashes.length / 2;
  const [left, right] = [rootOfFullTile(hashes.subarray(0, half)), rootOfFullTile(hashes.subarray(half))];
  return createHash("sha256").update(Buffer.of(1)).update(left).update(right).digest();
}
