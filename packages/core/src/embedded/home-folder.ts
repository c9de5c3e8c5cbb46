/** The folder `<home>/postgres`: who may enter it, and the small private files in it. */
import { randomBytes } from "node:crypto";
import {
  access,
  chmod,
  chown,
  constants,
  mkdir,
  open,
  readFile,
  realpath,
  rename,
  stat,
  statfs,
} from "node:fs/promises";
import path from "node:path";
import { Failure } from "../model/failure.ts";
import { type Account, firstUnreachable, isRoot, serverAccount } from "./account.ts";

export interface HomeFolder {
  /** The home as the caller named it, made absolute: used in messages. */
  readonly home: string;
  /** `<home>/postgres` with links resolved. */
  readonly folder: string;
  readonly data: string;
  readonly serverLog: string;
  readonly secret: string;
  readonly port: string;
  /** See serverAccount. */
  readonly account: Account | undefined;
}

const memoryFileSystems = new Set([0x01021994, 0x858458f6]); // tmpfs, ramfs

/**
 * Creates `<home>/postgres` if needed and closes it to others: 0700, or for root 0710 with the group of the
 * server's account, so that the server can enter but not plant files that root would later write through.
 * Errors: home-unusable (refused) with what to do.
 */
export async function prepareHomeFolder(homeGiven: string, log: (line: string) => void): Promise<HomeFolder> {
  const home = path.resolve(homeGiven);
  const folder = await ownFolder(home).catch((cause: NodeJS.ErrnoException) => {
    throw homeUnusable(home, describe(cause), "Set ENTENTE_HOME to a folder you can write to.", cause);
  });
  const data = path.join(folder, "data");
  const account = await serverAccount(data);
  await closeToOthers(home, folder, account);
  if (account !== undefined) {
    const closed = await firstUnreachable(folder, account);
    if (closed !== undefined) {
      throw homeUnusable(
        home,
        `as root is not allowed to run a database, the server runs as uid ${account.uid}, which cannot pass through ${closed}`,
        `Run \`chmod o+x ${closed}\`, or set ENTENTE_HOME to a folder that uid can reach.`,
      );
    }
  }
  if (memoryFileSystems.has((await statfs(folder)).type)) {
    log(`warning: ${home} is held in memory only; its data is lost when the machine stops`);
  }
  const file = (name: string) => path.join(folder, name);
  return {
    home,
    folder,
    data,
    serverLog: file("server.log"),
    secret: file("secret"),
    port: file("port"),
    account,
  };
}

async function ownFolder(home: string): Promise<string> {
  // Root's server account has to pass through the folders we create here.
  const mode = isRoot() ? 0o711 : 0o700;
  const first = await mkdir(home, { recursive: true, mode });
  for (let made = home; first !== undefined; made = path.dirname(made)) {
    await chmod(made, mode);
    if (made === first) break;
  }
  const folder = path.join(await realpath(home), "postgres");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  return folder;
}

/** Changes only what differs, in one step: a start that is then refused must not disturb the server that runs. */
async function closeToOthers(home: string, folder: string, account: Account | undefined): Promise<void> {
  const { uid, gid, mode } = await stat(folder);
  const isGroups = account !== undefined && uid !== account.uid;
  const wanted = isGroups ? 0o710 : 0o700;
  try {
    if (isGroups && gid !== account.gid) await chown(folder, uid, account.gid);
    if ((mode & 0o777) !== wanted && (isRoot() || uid === process.geteuid?.())) await chmod(folder, wanted);
  } catch (cause) {
    throw homeUnusable(
      home,
      `this process may not change the owner and mode of ${folder} (${String(cause)})`,
      "Run as an ordinary user that owns the folder, or allow root to change owners.",
      cause,
    );
  }
}

/** Reads a private file; undefined when it does not exist. */
export async function readPrivateFile(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

/** Replaces a private file (0600) as a whole: after a power loss it has the old text or the new one. */
export async function writePrivateFile(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await giveToFolderOwner(draft);
  await rename(draft, file);
  await syncFolder(path.dirname(file));
}

/** Root writing into an ordinary user's home must not lock that user out of it. */
export async function giveToFolderOwner(file: string): Promise<void> {
  if (!isRoot()) return;
  const { uid, gid } = await stat(path.dirname(file));
  await chown(file, uid, gid);
}

/** Makes renames in a folder durable. Windows has no such call and needs none. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}

/** The failure for a home folder that cannot hold the database. `remedy` is a whole sentence. */
export function homeUnusable(home: string, reason: string, remedy: string, cause?: unknown): Failure {
  return new Failure(
    "refused",
    "home-unusable",
    `The folder ${home} cannot hold the database: ${reason}. ${remedy}`,
    {
      fields: { home },
      cause,
    },
  );
}

function describe(error: NodeJS.ErrnoException): string {
  const place = error.path ?? "it";
  switch (error.code) {
    case "EEXIST":
    case "ENOTDIR":
      return `${place} is a file, not a folder`;
    case "EACCES":
    case "EPERM":
      return `this process (uid ${process.geteuid?.() ?? "unknown"}) has no right to use ${place}`;
    case "EROFS":
      return `${place} is on a read-only file system`;
    case "ENOSPC":
      return "the disk is full";
    default:
      return error.message;
  }
}
