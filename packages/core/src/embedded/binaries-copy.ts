/** A copy of the PostgreSQL programs in the home folder, for when the installed package cannot be used in place. */
import { chmod, chown, cp, lstat, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../model/failure.ts";
import type { BinariesRequest } from "./binaries.ts";

const stagingPrefix = "binaries.new-";

/**
 * Copies the package's native folder once per version and returns the folder that holds the copy.
 * The copy lies in the home folder rather than in a temporary one: nobody else can plant files there and
 * no cleaner removes libraries under a running server. Needs the home lock. About 60 MB.
 */
export async function copyBinaries(packageFolder: string, request: BinariesRequest): Promise<string> {
  const version = await packageVersion(packageFolder);
  const copy = path.join(request.copyFolder, `binaries-${version}`);
  if (await isSameTree(path.join(packageFolder, "native"), path.join(copy, "native"))) return copy;
  request.log(`copying the PostgreSQL programs to ${copy}`);
  try {
    for (const name of await readdir(request.copyFolder)) {
      if (name.startsWith(stagingPrefix)) await rm(path.join(request.copyFolder, name), { recursive: true });
    }
    await rm(copy, { recursive: true, force: true });
    const staging = await mkdtemp(path.join(request.copyFolder, stagingPrefix));
    const native = path.join(staging, "native");
    await cp(path.join(packageFolder, "native"), native, { recursive: true, verbatimSymlinks: true });
    // The package may have been unpacked for its owner only.
    for (const entry of await readdir(staging, { recursive: true, withFileTypes: true })) {
      if (!entry.isSymbolicLink()) await openToReaders(path.join(entry.parentPath, entry.name));
    }
    await chmod(staging, 0o755);
    if (request.account !== undefined) await chown(staging, 0, request.account.gid);
    await rename(staging, copy);
    return copy;
  } catch (cause) {
    throw new Failure(
      "refused",
      "home-unusable",
      `The PostgreSQL programs could not be copied to ${copy}: ${String(cause)}. ` +
        "Free about 60 MB there, or set ENTENTE_HOME to another folder.",
      { fields: { home: request.copyFolder }, cause },
    );
  }
}

async function openToReaders(file: string): Promise<void> {
  const { mode } = await lstat(file);
  await chmod(file, (mode & 0o777) | ((mode & 0o100) === 0 ? 0o444 : 0o555));
}

async function packageVersion(packageFolder: string): Promise<string> {
  const manifest = JSON.parse(await readFile(path.join(packageFolder, "package.json"), "utf8")) as unknown;
  const version = (manifest as { readonly version?: unknown }).version;
  return typeof version === "string" && /^[\w.+-]+$/.test(version) ? version : "unknown";
}

/** Sizes tell a copy cut short by a power loss from a whole one; contents are not compared. */
async function isSameTree(original: string, copy: string): Promise<boolean> {
  for (const entry of await readdir(original, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const twin = await lstat(path.join(copy, path.relative(original, file))).catch(() => undefined);
    if (twin === undefined || twin.size !== (await lstat(file)).size) return false;
  }
  return true;
}
