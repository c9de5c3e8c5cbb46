/** The files of the repository as the rules see them. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const repositoryRoot = fileURLToPath(new URL("../", import.meta.url));

/**
 * Paths of all files that are or would be committed, relative to the root, with forward slashes, sorted.
 * Without git (a downloaded archive) every file that is not a dependency or the data folder.
 */
export function repositoryFiles(): readonly string[] {
  return (listedByGit() ?? foundOnDisk())
    .filter((file) => existsSync(path.join(repositoryRoot, file)))
    .sort();
}

function listedByGit(): string[] | null {
  try {
    const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], {
      cwd: repositoryRoot,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).split("\0");
    return [...new Set(listed.filter((file) => file !== ""))];
  } catch {
    return null;
  }
}

const ignoredFolders = new Set(["node_modules", ".git", ".entente", ".data"]);

function foundOnDisk(folder = ""): string[] {
  return readdirSync(path.join(repositoryRoot, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = path.posix.join(folder, entry.name);
    if (entry.isDirectory()) return ignoredFolders.has(entry.name) ? [] : foundOnDisk(file);
    return entry.isFile() && !file.endsWith(".log") ? [file] : [];
  });
}

export function readText(file: string): string {
  return readFileSync(path.join(repositoryRoot, file), "utf8");
}

/** Text of every TypeScript file by path. */
export function typescriptFiles(): ReadonlyMap<string, string> {
  return new Map(
    repositoryFiles()
      .filter((file) => file.endsWith(".ts"))
      .map((file) => [file, readText(file)]),
  );
}
