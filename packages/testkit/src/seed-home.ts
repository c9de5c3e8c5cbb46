/**
 * One cluster for a whole test run, copied for each server: making a cluster takes longer than most tests, and a run has a hundred.
 * `npm test` names the folder in `ENTENTE_TEST_SEED`; the first keeper that finds nothing there leaves its own.
 */
import { cp, lchown, lstat, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

/** What belongs to one server alone. */
const own = new Set(["port", "server.log"]);

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
  const folder = join(from, "postgres");
  await cp(from, to, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => ![...own].some((name) => source === join(folder, name)),
  });
  // As root, the server and its files belong to another account.
  if (process.geteuid?.() === 0) await sameOwners(from, to);
}

async function sameOwners(from: string, to: string): Promise<void> {
  const one = async (name: string): Promise<void> => {
    const { uid, gid } = await lstat(join(from, name));
    await lchown(join(to, name), uid, gid);
  };
  await one(".");
  for (const name of await readdir(to, { recursive: true })) await one(name);
}
