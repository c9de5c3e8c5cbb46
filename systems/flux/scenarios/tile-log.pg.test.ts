/** The audit log as a third party reads it: over HTTP alone, at the paths of c2sp.org/tlog-tiles, by a program that has nothing of ours. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { originOf, signingKey, withAudit } from "@entente/core/internal";
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
  return new Promise((resolve) => {
    execFile(process.execPath, [reader, from, publicKey, tokenFile, ...more], (error, stdout, stderr) => {
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
