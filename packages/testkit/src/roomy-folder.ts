import { access, constants, readFile, statfs } from "node:fs/promises";
import { freemem, tmpdir } from "node:os";

const inMemory = "/dev/shm";
/** Three servers at once, each with its write-ahead log and some dozens of small databases. */
const bytesNeeded = 8 * 1024 ** 3;

/**
 * Where a test server's files go: memory, where Linux offers enough of it, or the folder for temporary files. Creating the
 * databases of a test takes half the time there, and no test asks what a machine without power would have kept: what a
 * killed process had written stays in memory as it stays in the system's cache.
 */
export async function roomyFolder(): Promise<string> {
  try {
    await access(inMemory, constants.W_OK | constants.X_OK);
    // A server that cannot use the installed programs runs its own copy of them.
    const mount = (await readFile("/proc/mounts", "utf8"))
      .split("\n")
      .find((line) => line.split(" ")[1] === inMemory);
    if (mount === undefined || mount.split(" ")[3]?.split(",").includes("noexec")) return tmpdir();
    const { bavail, bsize } = await statfs(inMemory);
    return Math.min(bavail * bsize, freemem()) >= bytesNeeded ? inMemory : tmpdir();
  } catch {
    return tmpdir();
  }
}
