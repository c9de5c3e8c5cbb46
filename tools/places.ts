/** Where a file stands in the layout of ARCHITECTURE.md, read from its path alone. */

export interface Place {
  readonly path: string;
  /** `packages/core`, `systems/flux`, `bench`, `tools`, `examples`; the unit that imports are declared for. */
  readonly unit: string;
  /** Name of the package, or null. */
  readonly package: string | null;
  /** Name of the system, or null. */
  readonly system: string | null;
  /** Name of the context, or null. */
  readonly context: string | null;
  /** `contract`, `domain`, `application`, `store`, `edge` in a context; `app`, `treaties`, `flows`, `scenarios` in a system. */
  readonly layer: string | null;
  /** Code that only tests run: `*.test.ts`, `*.fixture.ts`, the testkit, scenarios, the `testing` door. */
  readonly testing: boolean;
}

export function placeOf(path: string): Place {
  const parts = path.split("/");
  const [top, second, third, fourth, fifth] = parts;
  const inSystem = top === "systems" && second !== undefined;
  const inContext = inSystem && third === "contexts" && fourth !== undefined;
  const inPackage = top === "packages" && second !== undefined;
  return {
    path,
    unit: inSystem || inPackage ? `${top}/${second}` : (top as string),
    package: inPackage ? second : null,
    system: inSystem ? second : null,
    context: inContext ? fourth : null,
    layer: inContext ? (fifth ?? null) : inSystem ? (third ?? null) : null,
    testing:
      /\.(?:test|fixture)\.ts$/.test(path) ||
      /^packages\/testkit\//.test(path) ||
      /^packages\/[^/]+\/src\/testing(?:\.ts|\/)/.test(path) ||
      (inSystem && third === "scenarios"),
  };
}

/** The pure part of the runtime. */
export function isModel(place: Place): boolean {
  return place.path.startsWith("packages/core/src/model/");
}

export function isPure(place: Place): boolean {
  return isModel(place) || place.layer === "domain";
}

/** Decides about schemas: the same two get the same answer everywhere. */
export function isContractEngine(place: Place): boolean {
  return place.path.startsWith("packages/core/src/contract/");
}
