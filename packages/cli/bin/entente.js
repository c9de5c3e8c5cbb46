#!/usr/bin/env node
// Entente needs the Node that the project pins; a machine's own may be older and could not even read the sources.
// So this one file is plain JavaScript: it finds the pinned Node and hands over.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const wanted = 26;
const here = dirname(fileURLToPath(import.meta.url));
const main = join(here, "..", "src", "main.ts");

function pinnedNode() {
  for (let folder = here; ; folder = dirname(folder)) {
    const candidate = join(
      folder,
      "node_modules",
      "node",
      "bin",
      process.platform === "win32" ? "node.exe" : "node",
    );
    if (existsSync(candidate)) return candidate;
    if (dirname(folder) === folder) return null;
  }
}

if (Number(process.versions.node.split(".")[0]) >= wanted) {
  await import(main);
} else {
  const node = pinnedNode();
  if (node === null) {
    console.error(
      `entente: Node ${process.versions.node} is too old and the pinned Node ${wanted} is not installed.\n` +
        "Its install script did not run. Run:  npm rebuild node   (or install Node 26 yourself)",
    );
    process.exit(1);
  }
  const child = spawn(
    node,
    ["--min-semi-space-size=64", "--max-semi-space-size=64", main, ...process.argv.slice(2)],
    {
      stdio: "inherit",
    },
  );
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
