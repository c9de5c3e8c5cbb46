/** An audit log over the journals of a bank, without the rest of a system: a consumer, a signer, and a folder for files. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { auditLogConsumer } from "../audit/audit-log.ts";
import type { BundleSelection } from "../audit/bundle.ts";
import { type BundleSummary, exportBundle } from "../audit/export-bundle.ts";
import { type CheckpointSigner, openCheckpointSigner, originOf } from "../audit/sign-checkpoints.ts";
import { type NoteVerifier, noteVerifier, type SigningKey, signingKey } from "../audit/signed-note.ts";
import { type BundleReport, verifyBundle } from "../audit/verify-bundle.ts";
import type { ConsumerSetting } from "../consumer/consumer.ts";
import { withAudit } from "../context/with-audit.ts";
import { appendEntries } from "../journal/append.ts";
import type { NewEntry } from "../model/entry.ts";
import type { Failure } from "../model/failure.ts";
import { bank } from "./bank.fixture.ts";
import { fact } from "./entries.fixture.ts";
import type { Stage, TestBed } from "./test-bed.fixture.ts";
import { startWorker, type Worker } from "./worker.fixture.ts";

export const auditKey = signingKey("bank.example/audit", Buffer.alloc(32, 7));

export function verifierOf(tenantId: string, key: SigningKey = auditKey): NoteVerifier {
  const verifier = noteVerifier(key.named(originOf(key.name, tenantId)).verifierKey);
  if (verifier === null) throw new Error("a key of our own is no key");
  return verifier;
}

export interface AuditScene {
  readonly name: string;
  readonly stage: Stage;
  readonly folder: string;
  readonly signer: CheckpointSigner;
  readonly lastSignedFile: string;
  /** As they were told, in order. */
  readonly refused: { readonly tenantId: string; readonly failure: Failure }[];
  work(options?: Partial<ConsumerSetting>): Promise<Worker>;
  /** Puts facts into the ledger's journal. */
  record(entries: readonly NewEntry[]): Promise<void>;
  size(tenantId: string): Promise<number>;
  /** Waits until the logs of these tenants have come to these sizes. */
  logged(worker: Worker, sizes: Readonly<Record<string, number>>): Promise<void>;
  signerWith(key: SigningKey, lastSignedFile?: string, witnessed?: string): CheckpointSigner;
  export(tenantId?: string, selection?: BundleSelection, more?: ExportMore): Promise<Exported>;
  /** Copies the log's database as it is, by the server's own means, and gives what puts the copy back in its place. */
  backUp(): Promise<() => Promise<void>>;
  /** SQL as the administrator in the log's database. */
  sql(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
}

export interface ExportMore {
  readonly key?: SigningKey;
  readonly known?: readonly string[];
}

export interface Exported extends BundleSummary {
  readonly folder: string;
  verify(tenantId?: string, known?: readonly string[]): Promise<BundleReport>;
  /** Changes a file of the bundle. */
  edit(file: string, change: (text: string) => string): Promise<void>;
  /** Changes its lines. */
  editLines(file: string, change: (lines: string[]) => string[]): Promise<void>;
}

export async function auditScene(bed: TestBed): Promise<AuditScene> {
  const name = bed.newName();
  const stage = await bed.stage(withAudit(bank(name)));
  const folder = await mkdtemp(join(tmpdir(), "audit-"));
  bed.atEnd(() => rm(folder, { recursive: true, force: true }));
  const database = stage.database("audit");
  const lastSignedFile = join(folder, "last-signed.txt");
  const refused: { tenantId: string; failure: Failure }[] = [];
  const signerWith: AuditScene["signerWith"] = (key, file = lastSignedFile, witnessed) =>
    openCheckpointSigner({
      database,
      key,
      lastSignedFile: file,
      ...(witnessed === undefined ? {} : { witnessed }),
      refused: (tenantId, failure) => void refused.push({ tenantId, failure }),
    });
  let bundles = 0;
  let backups = 0;
  /** While nobody is connected to the log's database. */
  const onServer = async (text: string): Promise<void> => {
    await bed.sql(
      name,
      "front",
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()",
      [`${name}_audit`],
    );
    await bed.sql(name, "front", text);
  };
  const scene: AuditScene = {
    name,
    stage,
    folder,
    refused,
    lastSignedFile,
    signerWith,
    signer: signerWith(auditKey),
    work: (options = {}) =>
      startWorker(bed, stage, {
        context: "audit",
        database,
        definition: () =>
          auditLogConsumer(
            ["front", "ledger", "audit"].map((context) => {
              return { context, database: stage.database(context, "reader"), reading: "everything" };
            }),
            () => {},
          ),
        ...options,
      }),
    record: async (entries) => void (await appendEntries(stage.database("ledger"), entries)),
    async size(tenantId) {
      const [row] = await database.execute<{ size: string }>(
        "select size from entente.audit_tree where tenant_id = $1",
        [tenantId],
      );
      return Number(row?.size ?? 0);
    },
    async logged(worker, sizes) {
      for (const journal of ["front", "ledger", "audit"]) worker.wakeUps.ring(journal);
      await worker.happenings.until("the logs have come to their sizes", async () => {
        for (const [tenantId, size] of Object.entries(sizes))
          if ((await scene.size(tenantId)) < size) return false;
        return true;
      });
    },
    async export(tenantId = "acme", selection = { kind: "all" }, { key = auditKey, known = [] } = {}) {
      const to = join(folder, `bundle-${++bundles}`);
      const summary = await exportBundle(database, { tenantId, selection, folder: to, key, known });
      const edit: Exported["edit"] = async (file, change) => {
        const path = join(to, file);
        const before = await readFile(path, "utf8");
        const after = change(before);
        if (after === before) throw new Error(`nothing of ${file} was changed`);
        await writeFile(path, after);
      };
      return {
        ...summary,
        folder: to,
        edit,
        verify: (asked = tenantId, has = []) =>
          verifyBundle(to, { verifier: verifierOf(asked, key), known: has }),
        editLines: (file, change) =>
          edit(file, (text) =>
            change(text.trimEnd().split("\n"))
              .map((line) => `${line}\n`)
              .join(""),
          ),
      };
    },
    async backUp() {
      const copy = `${name}_backup_${++backups}`;
      await onServer(`create database ${copy} template ${name}_audit`);
      return async () => {
        await onServer(`drop database ${name}_audit with (force)`);
        await onServer(`alter database ${copy} rename to ${name}_audit`);
      };
    },
    sql: (text, values = []) => bed.sql(name, "audit", text, values),
  };
  return scene;
}

/** A number of facts of one tenant, over a few accounts. */
export function facts(count: number, tenantId = "acme"): NewEntry[] {
  return Array.from({ length: count }, (_, i) =>
    fact({ tenantId, key: `a-${i % 5}`, customerId: `c-${i % 5}`, data: { amount: i } }),
  );
}
