/** The wrapping key is changed while personal data are in use, and whoever changes it is killed on the way. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "@entente/core";
import { ensurePartitions, openDatabase, openPersonalData, provisionContext } from "@entente/core/internal";
import { testServer } from "@entente/testkit";

const adminUrl = await testServer();
const system = `k_${randomBytes(4).toString("hex")}`;
const { app } = await provisionContext({ system, context: "keys", adminUrl });
const database = openDatabase({ url: app, applicationName: "rewrap test", connections: 2 });
await ensurePartitions(database, Date.now());
const folder = await mkdtemp(join(tmpdir(), "entente-keys-"));
after(async () => {
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

const [before, next] = [randomBytes(32), randomBytes(32)];
const fileOf = async (name: string, key: Buffer): Promise<string> => {
  const file = join(folder, name);
  await writeFile(file, `${key.toString("base64url")}\n`);
  return file;
};
const [fileBefore, fileNext] = [await fileOf("before", before), await fileOf("next", next)];
/** Personal data as a program has them that was given these keys. */
const personal = (wrappingKey: Buffer, otherWrappingKey?: Buffer) =>
  openPersonalData({
    database,
    context: "keys",
    wrappingKey,
    ...(otherWrappingKey === undefined ? {} : { otherWrappingKey }),
    now: Date.now,
  });
const tenants = ["a", "b"];
const subjects = Array.from({ length: 60 }, (_, n) => `subject-${String(n).padStart(2, "0")}`);
const sealed = new Map<string, JsonObject>();
for (const tenantId of tenants) {
  for (const subject of subjects) {
    const { data } = await personal(before).seal(
      tenantId,
      { subject, fields: ["name"] },
      { name: `${tenantId} ${subject}` },
      subject,
    );
    sealed.set(`${tenantId} ${subject}`, data);
  }
}

/** How many of them a program with these keys reads; what it reads is what was sealed. */
async function readable(...keys: [Buffer, Buffer?]): Promise<number> {
  const with_ = personal(...keys);
  const read = await Promise.all(
    [...sealed].map(async ([plain, data]) => {
      try {
        assert.deepEqual(await with_.open(plain.split(" ")[0] ?? "", data), { name: plain });
        return 1;
      } catch (error) {
        const { code } = error as { code?: string };
        if (code !== "personal-key-unreadable" && code !== "personal-data-erased") throw error;
        return 0;
      }
    }),
  );
  return read.reduce<number>((sum, one) => sum + one, 0);
}

interface Run {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
}

function rewrap(dieAt = "", more: Record<string, string> = {}): Promise<Run> {
  const env = {
    PATH: process.env.PATH,
    ENTENTE_MODE: "dev",
    ENTENTE_DATABASE_URL_KEYS: app,
    ENTENTE_PERSONAL_KEY: fileNext,
    ENTENTE_PERSONAL_KEY_OTHER: fileBefore,
    ENTENTE_DIE_AT: dieAt,
    ...more,
  };
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [main, "keys", "rewrap", "flux", "--batch", "40"],
      { env, cwd: folder },
      (_error, stdout, stderr) =>
        resolve({ code: child.exitCode, signal: child.signalCode, out: stdout + stderr }),
    );
  });
}

test("killed between two batches it leaves every key in one of the two states, and whoever has both keys reads all", async () => {
  const { signal, out } = await rewrap("rewrap:before-commit:2");
  assert.equal(signal, "SIGKILL", out);
  assert.deepEqual([await readable(next), await readable(before)], [40, 80]);
  assert.equal(await readable(next, before), 120);
  assert.equal(await readable(before, next), 120);
});

test("called again it goes on where it was, leaves alone what is done or erased, and after it the key before opens nothing", async () => {
  await personal(before).erase({ tenantId: "a", subject: "subject-59", by: "olga", why: "letter 7" });
  // Made meanwhile by a program that has the new key already.
  const made = await personal(next, before).seal(
    "b",
    { subject: "later", fields: ["name"] },
    { name: "b later" },
    "x",
  );
  sealed.set("b later", made.data);
  const { code, out } = await rewrap();
  assert.deepEqual(
    [code, out],
    [0, "79 keys wrapped anew, 41 were already, 1 erased, 0 opened by neither key.\n"],
  );
  assert.deepEqual([await readable(next), await readable(before)], [120, 0]);
});

test("the journal says of each tenant how many, and says nothing of a batch that was undone", async () => {
  const rows = await database.execute<{ tenant_id: string; keys: number }>(
    `select tenant_id, (data->>'keys')::int as keys from entente.journal
     where type = 'entente.subject-keys-rewrapped' order by xid, seq`,
  );
  const sum = (tenant: string) =>
    rows.filter(({ tenant_id }) => tenant_id === tenant).reduce((all, { keys }) => all + keys, 0);
  assert.deepEqual([sum("a"), sum("b")], [59, 60]);
});

test("a key that neither opens is left as it is and told, and one key alone is no change", async () => {
  const stranger = await fileOf("stranger", randomBytes(32));
  const { code, out } = await rewrap("", { ENTENTE_PERSONAL_KEY: stranger });
  assert.deepEqual(
    [code, out],
    [1, "0 keys wrapped anew, 0 were already, 1 erased, 120 opened by neither key.\n"],
  );
  assert.equal(await readable(next), 120);
  const alone = await rewrap("", { ENTENTE_PERSONAL_KEY_OTHER: "" });
  assert.equal(alone.code, 1);
  assert.match(alone.out, /code: rewrap-question-invalid/);
});
