/**
 * One cluster for a whole test run, copied for each server: making a cluster takes longer than most tests, and a run has a hundred.
 * `npm test` names the folder in `ENTENTE_TEST_SEED`; the first keeper that finds nothing there leaves its own.
 */
import { execFile } from "node:child_process";
import { cp, lstat, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** What belongs to one server alone. */
const own = ["port", "server.log"];

/** Makes `home` from the seed. False when there is none yet. */
export async function takeSeed(seed: string, home: string): Promise<boolean> {
  try {
    await lstat(join(seed, "home"));
  } catch {
    return false;
  }
  await copyHome(join(seed, "home"), home);
  return true;
}

/** Leaves a copy of `home`, whose server is stopped, as the seed, unless another one was quicker. */
export async function leaveSeed(seed: string, home: string): Promise<void> {
  const made = join(seed, `home.new-${process.pid}`);
  await copyHome(home, made);
  try {
    await rename(made, join(seed, "home"));
  } catch {
    await rm(made, { recursive: true, force: true });
  }
}

async function copyHome(from: string, to: string): Promise<void> {
  // With owners: as root, the server and its files belong to another account.
  if (process.platform === "win32") await cp(from, to, { recursive: true, verbatimSymlinks: true });
  // Half the processor time of copying them one by one from here: a thousand files, before each test file.
  else await promisify(execFile)("cp", ["-pPR", from, to]);
  for (const name of own) await rm(join(to, "postgres", name), { force: true });
}
