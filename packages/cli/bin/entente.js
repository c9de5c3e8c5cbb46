#!/usr/bin/env node
// Entente needs the Node that the project pins; a machine's own may be older and could not even read the sources.
// So this one file is plain JavaScript: it finds the pinned Node and hands over.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const wanted = 26;
const here = dirname(fileURLToPath(import.meta.url));
const main = join(here, "..", "src", "main.ts");

/** The closest `node_modules` that has the pinned Node, or null. */
function installation() {
  for (let folder = here; ; folder = dirname(folder)) {
    const modules = join(folder, "node_modules");
    if (existsSync(nodeIn(modules))) return modules;
    if (dirname(folder) === folder) return null;
  }
}

function nodeIn(modules) {
  return join(modules, "node", "bin", process.platform === "win32" ? "node.exe" : "node");
}

const modules = installation();
// Compiled once, for this program and those it starts: a start then takes half of the time. Where the folder cannot be written, nothing is kept.
if (modules !== null) process.env.NODE_COMPILE_CACHE ??= join(modules, ".cache", "compiled");

if (Number(process.versions.node.split(".")[0]) >= wanted) {
  module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
  await import(main);
} else {
  const node = modules === null ? null : nodeIn(modules);
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
