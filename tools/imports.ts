/** What a TypeScript file imports, and which file of the repository that is. */
import { isBuiltin } from "node:module";
import path from "node:path";
import { lineAt, type SourceText } from "./source-text.ts";

export interface Import {
  /** As written. */
  readonly specifier: string;
  readonly line: number;
  /** Erased before the program runs: `import type …`, `export type … from`. */
  readonly typeOnly: boolean;
}

/** A package of the workspace, by its package.json. */
export interface Workspace {
  readonly name: string;
  /** `packages/core` */
  readonly folder: string;
  /** File by door, e.g. `./model` and `./src/model/index.ts`. */
  readonly exports: Readonly<Record<string, string>>;
  /** Names of the packages it declares for production. */
  readonly dependencies: ReadonlySet<string>;
}

export type Target =
  | { readonly kind: "builtin"; readonly name: string }
  /** A package from outside the repository. */
  | { readonly kind: "package"; readonly name: string }
  /** A file of the repository; `door` is the workspace name by which it was reached, if it was. */
  | { readonly kind: "file"; readonly path: string; readonly door: string | null }
  /** A door that the workspace's package.json does not have. */
  | { readonly kind: "no-door"; readonly name: string };

/** `import x from "y"`, `import "y"`, `export … from "y"`; what stands between may run over lines. */
const statements =
  /(?<![\w.$])(?:import|export)(\s+type(?=[\s{*]))?(?:[\s{*][^;"'()=]*?\bfrom)?\s*(["'])([^"'\n]+)\2/g;
/** `import("y")` and `require("y")`. */
const calls = /(?<![\w.$])(?:import|require)\s*\(\s*(["'])([^"'\n]+)\1/g;

export function importsOf(source: SourceText): readonly Import[] {
  const text = source.withStrings;
  const found: Import[] = [];
  for (const match of text.matchAll(statements)) {
    const line = lineAt(text, match.index);
    found.push({ specifier: match[3] as string, line, typeOnly: match[1] !== undefined });
  }
  for (const match of text.matchAll(calls)) {
    found.push({ specifier: match[2] as string, line: lineAt(text, match.index), typeOnly: false });
  }
  return found;
}

/** Where an import of `from` leads. Relative specifiers name the file with its ending, as Node wants it. */
export function resolveImport(from: string, specifier: string, workspaces: readonly Workspace[]): Target {
  if (specifier.startsWith(".")) {
    return { kind: "file", path: path.posix.join(path.posix.dirname(from), specifier), door: null };
  }
  if (isBuiltin(specifier)) return { kind: "builtin", name: specifier };
  const name = packageName(specifier);
  const workspace = workspaces.find((one) => one.name === name);
  if (workspace === undefined) return { kind: "package", name };
  const file = workspace.exports[`.${specifier.slice(name.length)}`];
  if (file === undefined) return { kind: "no-door", name: specifier };
  return { kind: "file", path: path.posix.join(workspace.folder, file), door: specifier };
}

/** `@scope/name` of `@scope/name/door`. */
function packageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

interface PackageJson {
  readonly name: string;
  readonly exports?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** The workspaces among the files: `packages/*` and `systems/*` with a package.json. */
export function readWorkspaces(
  files: readonly string[],
  readText: (file: string) => string,
): readonly Workspace[] {
  return files
    .filter((file) => /^(?:packages|systems)\/[^/]+\/package\.json$/.test(file))
    .map((file) => {
      const json = JSON.parse(readText(file)) as PackageJson;
      const declared = { ...json.dependencies, ...json.optionalDependencies };
      return {
        name: json.name,
        folder: path.posix.dirname(file),
        exports: json.exports ?? {},
        dependencies: new Set(Object.keys(declared)),
      };
    });
}
