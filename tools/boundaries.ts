/**
 * The rules of the repository about imports, calls, names and sizes, checked over every TypeScript file.
 * Each rule has specimens that must fail in boundaries.unit.test.ts. Run alone: `node tools/boundaries.ts`.
 */
import { cyclesIn } from "./cycles.ts";
import { importRules } from "./import-rules.ts";
import {
  type Import,
  importsOf,
  readWorkspaces,
  resolveImport,
  type Target,
  type Workspace,
} from "./imports.ts";
import { type Place, placeOf } from "./places.ts";
import { readSource, type SourceText } from "./source-text.ts";
import { textRules } from "./text-rules.ts";
import { readText, repositoryFiles, typescriptFiles } from "./tree.ts";

export interface Violation {
  readonly rule: string;
  readonly file: string;
  readonly line: number;
  readonly says: string;
}

interface ReadFile {
  readonly place: Place;
  readonly raw: string;
  readonly source: SourceText;
  readonly imports: readonly {
    readonly imported: Import;
    readonly target: Target;
    readonly to: Place | null;
  }[];
}

/** Every rule by name, as the tests need to prove that none is without a specimen. */
export const ruleNames: readonly string[] = [
  ...Object.keys(importRules),
  ...Object.keys(textRules),
  "no-file-cycles",
  "no-package-cycles",
];

/** Checks files (text by path) against every rule. Order: by file, then line. */
export function checkBoundaries(
  files: ReadonlyMap<string, string>,
  workspaces: readonly Workspace[],
): readonly Violation[] {
  const read = [...files].map(([path, raw]) => readFile(path, raw, workspaces));
  const violations = [
    ...read.flatMap((file) => checkImports(file, workspaces)),
    ...read.flatMap(checkText),
    ...fileCycles(read),
    ...packageCycles(read),
  ];
  return violations.sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

function readFile(path: string, raw: string, workspaces: readonly Workspace[]): ReadFile {
  const source = readSource(raw);
  const imports = importsOf(source).map((imported) => {
    const target = resolveImport(path, imported.specifier, workspaces);
    return { imported, target, to: target.kind === "file" ? placeOf(target.path) : null };
  });
  return { place: placeOf(path), raw, source, imports };
}

function checkImports(file: ReadFile, workspaces: readonly Workspace[]): Violation[] {
  return file.imports.flatMap((one) =>
    Object.entries(importRules).flatMap(([rule, check]) => {
      const says = check({ from: file.place, ...one, workspaces });
      if (says === null) return [];
      const { specifier, line } = one.imported;
      return [{ rule, file: file.place.path, line, says: `${specifier}: ${says}` }];
    }),
  );
}

function checkText(file: ReadFile): Violation[] {
  return Object.entries(textRules).flatMap(([rule, check]) =>
    check(file).map((finding) => ({ rule, file: file.place.path, ...finding })),
  );
}

/** Circles of imports that exist when the program runs. A circle of types alone is erased and harmless. */
function fileCycles(files: readonly ReadFile[]): Violation[] {
  const graph = new Map(
    files.map((file) => {
      const reached = file.imports.filter((one) => !one.imported.typeOnly && one.to !== null);
      return [file.place.path, new Set(reached.map((one) => one.to?.path as string))];
    }),
  );
  return cyclesIn(graph).map((circle) => ({
    rule: "no-file-cycles",
    file: circle[0] as string,
    line: 1,
    says: circle.join(" → "),
  }));
}

/** Circles between units, types included: they could not be released apart. Tests may look across. */
function packageCycles(files: readonly ReadFile[]): Violation[] {
  const graph = new Map<string, Set<string>>();
  for (const { place, imports } of files) {
    if (/\.(?:test|fixture)\.ts$/.test(place.path)) continue;
    const reached = graph.get(place.unit) ?? new Set();
    for (const { to } of imports) if (to !== null && to.unit !== place.unit) reached.add(to.unit);
    graph.set(place.unit, reached);
  }
  return cyclesIn(graph).map((circle) => ({
    rule: "no-package-cycles",
    file: circle[0] as string,
    line: 1,
    says: circle.join(" → "),
  }));
}

/** The repository itself. */
export function checkRepository(): readonly Violation[] {
  return checkBoundaries(typescriptFiles(), readWorkspaces(repositoryFiles(), readText));
}

export function violationText({ rule, file, line, says }: Violation): string {
  return `${file}:${line} ${rule}: ${says}`;
}

if (import.meta.main) {
  const violations = checkRepository();
  for (const violation of violations) console.error(violationText(violation));
  console.log(
    violations.length === 0 ? "boundaries: all rules hold" : `boundaries: ${violations.length} broken`,
  );
  process.exitCode = violations.length === 0 ? 0 : 1;
}
