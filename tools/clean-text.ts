/** What must not stand in any file: paths of one machine, addresses of registries, broken links. */
import path from "node:path";
import { anchorsOf, linkTargets } from "./markdown.ts";

const patterns: readonly (readonly [RegExp, string])[] = [
  [/(?<![\w.~-])\/(?:work|root)\/[\w.-]/, "a path of one machine"],
  [/(?<![\w.~-])\/(?:home|Users)\/[a-z]/, "a path of one machine"],
  [/\b[A-Z]:\\Users\\/, "a path of one machine"],
  [/\bregistry\.(?:npmjs|yarnpkg|npmmirror)\./, "a registry's address"],
  [/\b(?:deb|security|archive|ftp)\.(?:debian|ubuntu)\.(?:org|com)\b/, "a registry's address"],
  [/\b(?:files\.pythonhosted|pypi|crates)\.(?:org|io)\b/, "a registry's address"],
  [/\bproxy\.golang\.org\b|\bnpm\.pkg\.github\.com\b/, "a registry's address"],
  [/\b(?:ghcr|quay|docker)\.io\b|\bmcr\.microsoft\.com\b/, "a registry's address"],
];

/** `line: what` for each place of a text that must not be there. */
export function uncleanPlaces(text: string): readonly string[] {
  return text
    .split("\n")
    .flatMap((line, i) =>
      patterns.filter(([pattern]) => pattern.test(line)).map(([, what]) => `${i + 1}: ${what}`),
    );
}

/** A lock file names packages by version and hash; where they are fetched from is the installing machine's business. */
export function namesDownloads(lockFile: string): boolean {
  return /"resolved":\s*"(?:https?|git)/.test(lockFile);
}

/** What may stand at the root. */
const rootEntries = new Set([
  ".ci",
  ".gitignore",
  ".npmrc",
  "ARCHITECTURE.md",
  "CHANGELOG.md",
  "CONTRIBUTING.md",
  "GLOSSARY.md",
  "LICENSE",
  "README.md",
  "bench",
  "biome.json",
  "docs",
  "examples",
  "package-lock.json",
  "package.json",
  "packages",
  "systems",
  "tools",
  "tsconfig.json",
]);

export function strangersAtRoot(files: readonly string[]): readonly string[] {
  const entries = new Set(files.map((file) => file.split("/")[0] as string));
  return [...entries].filter((entry) => !rootEntries.has(entry));
}

/** Relative links of Markdown pages (text by path) that lead nowhere; `files` are all files of the repository. */
export function brokenLinks(pages: ReadonlyMap<string, string>, files: readonly string[]): readonly string[] {
  const known = new Set(files);
  for (const file of files) {
    for (let folder = path.posix.dirname(file); folder !== "."; folder = path.posix.dirname(folder))
      known.add(folder);
  }
  return [...pages].flatMap(([page, text]) =>
    linkTargets(text)
      .filter((target) => !/^[a-z]+:/.test(target))
      .filter((target) => {
        const [file = "", anchor] = target.split("#");
        const to = file === "" ? page : path.posix.join(path.posix.dirname(page), file).replace(/\/$/, "");
        if (!known.has(to)) return true;
        const linked = pages.get(to);
        return anchor !== undefined && linked !== undefined && !anchorsOf(linked).has(anchor);
      })
      .map((target) => `${page}: ${target}`),
  );
}
