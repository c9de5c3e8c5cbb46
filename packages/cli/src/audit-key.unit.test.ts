import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { auditSigning, makeKey } from "./audit-key.ts";

const home = await mkdtemp(join(tmpdir(), "entente-audit-key-"));
after(() => rm(home, { recursive: true, force: true }));
const witnessed = join(home, "witnessed");

test("what somebody outside kept is asked where it is said to be, with a key of one's own and with that of development", () => {
  const file = join(home, "own-key");
  makeKey(file, "example.com/audit");
  const own = { ENTENTE_AUDIT_KEY: file, ENTENTE_AUDIT_WITNESSED: witnessed };
  for (const signing of [
    auditSigning("production", home, own),
    auditSigning("dev", home, { ENTENTE_AUDIT_WITNESSED: witnessed }),
  ])
    assert.equal(signing?.witnessed, witnessed);
});

test("nobody's is asked when nothing is said", () => {
  for (const environment of [{}, { ENTENTE_AUDIT_WITNESSED: "" }])
    assert.equal(auditSigning("dev", home, environment)?.witnessed, undefined);
});
