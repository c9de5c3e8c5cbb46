/** The operating-system account the database server runs under, and what that account can reach. */
import { lstat, stat } from "node:fs/promises";
import path from "node:path";

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** "nobody" on every common system; a number needs no account to be created. */
const unprivileged: Account = { uid: 65534, gid: 65534 };

/** True when this process may change owners and drop privileges. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/**
 * The account to start server programs under; undefined means the account of this process.
 * PostgreSQL refuses to run as root, so root drops to the owner of existing data (a home first used by an
 * ordinary user stays usable by that user) and otherwise to uid 65534.
 */
export async function serverAccount(dataFolder: string): Promise<Account | undefined> {
  if (!isRoot()) return undefined;
  const owner = await lstat(dataFolder).catch(() => undefined);
  return owner === undefined || owner.uid === 0 ? unprivileged : { uid: owner.uid, gid: owner.gid };
}

/**
 * The first path on the way to `target` that keeps the account from reading it, or undefined when it can.
 * Judged by mode bits alone: an access list that grants more is not seen.
 */
export async function firstUnreachable(target: string, account: Account): Promise<string | undefined> {
  const steps: string[] = [];
  for (let step = path.resolve(target); ; step = path.dirname(step)) {
    steps.unshift(step);
    if (step === path.dirname(step)) break;
  }
  for (const step of steps) {
    const entry = await stat(step);
    const needed = entry.isDirectory() ? 0o1 : 0o4;
    const granted =
      entry.uid === account.uid ? entry.mode >> 6 : entry.gid === account.gid ? entry.mode >> 3 : entry.mode;
    if ((granted & needed) === 0) return step;
  }
  return undefined;
}
