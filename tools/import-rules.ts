/** Who may import whom: ARCHITECTURE.md, "Folders and their rules". Each rule looks at one import. */
import type { Import, Target, Workspace } from "./imports.ts";
import { isContractEngine, isModel, isPure, type Place } from "./places.ts";

export interface ImportCase {
  readonly from: Place;
  readonly imported: Import;
  readonly target: Target;
  /** Place of the imported file, when it is one of ours. */
  readonly to: Place | null;
  readonly workspaces: readonly Workspace[];
}

/** Says what is wrong, or null. */
export type ImportRule = (one: ImportCase) => string | null;

const modelDoor = "@entente/core/model";

/** Model and domain are pure: no built-ins, no packages, nothing but the model, their own rules and published contracts. */
const pure: ImportRule = ({ from, target, to }) => {
  if (!isPure(from) || from.testing) return null;
  if (to === null) return "pure code imports no built-ins and no packages";
  if (isModel(from)) return isModel(to) ? null : "the model imports nothing but itself";
  if (target.kind === "file" && target.door === modelDoor) return null;
  if (to.system !== from.system) return `a domain imports ${modelDoor} and its own system only`;
  if (to.layer === "contract") return null;
  return to.layer === "domain" && to.context === from.context
    ? null
    : "a domain imports its own domain and contracts only";
};

/** The verdict about two schemas depends on them alone; typebox is the validator that confirms counter-examples. */
const contractEngine: ImportRule = ({ from, target, to }) => {
  if (!isContractEngine(from) || from.testing) return null;
  if (target.kind === "package")
    return target.name === "typebox" ? null : "the contract engine imports no package but typebox";
  if (to === null) return "the contract engine imports no built-ins";
  return isContractEngine(to) || isModel(to) ? null : "the contract engine imports the model and itself";
};

/** A contract can be read by anybody, so it drags nothing along: contracts, schemas, types of the model. */
const contract: ImportRule = ({ from, imported, target, to }) => {
  if (from.layer !== "contract" || from.testing) return null;
  if (target.kind === "package")
    return target.name === "typebox" ? null : "a contract imports no package but typebox";
  if (to === null) return "a contract imports no built-ins";
  if (target.kind === "file" && target.door === modelDoor) {
    return imported.typeOnly ? null : "a contract imports only types of the model";
  }
  return to.layer === "contract" && to.system === from.system ? null : "a contract imports contracts only";
};

/** The contract is the only way into another context. */
const context: ImportRule = ({ from, to }) => {
  if (to?.context == null || to.system !== from.system || to.context === from.context) return null;
  const outside = from.context !== null || from.layer === "treaties" || from.layer === "flows";
  return outside && to.layer !== "contract" ? "another context is reached through its contract only" : null;
};

/** Inside a context arrows point inward. `domain` and `contract` have rules of their own. */
const innerLayers: Readonly<Record<string, readonly string[]>> = {
  application: ["application", "domain", "contract"],
  store: ["store", "application", "domain", "contract"],
  edge: ["edge", "store", "application", "domain", "contract"],
};

const layer: ImportRule = ({ from, to }) => {
  if (from.testing || from.layer === null || to?.context == null || to.context !== from.context) return null;
  const inner = innerLayers[from.layer];
  if (inner === undefined || to.system !== from.system || inner.includes(to.layer ?? "")) return null;
  return `${from.layer} imports ${inner.join(", ")} of its context only`;
};

const system: ImportRule = ({ from, to }) =>
  from.system !== null && to?.system != null && to.system !== from.system
    ? "no system imports another"
    : null;

/** Packages know no system. The command line starts systems, through their app. */
const packageToSystem: ImportRule = ({ from, to }) => {
  if (from.package === null || to?.system == null) return null;
  if (from.package !== "cli") return "packages import no system";
  return to.layer === "app" ? null : "the command line reaches a system through its app";
};

const packageOrder: Readonly<Record<string, readonly string[]>> = {
  core: [],
  atlas: ["core"],
  edge: ["core"],
  mesh: ["core"],
  simulators: ["core"],
  console: ["core", "edge"],
  testkit: ["core", "mesh"],
};

const packages: ImportRule = ({ from, to }) => {
  if (from.package === null || to?.package == null || to.package === from.package) return null;
  // A system outside ours shares nothing with the runtime but plain values.
  if (from.package === "simulators" && to.package === "core" && !isModel(to) && !from.testing)
    return `simulators import ${modelDoor} at most`;
  const allowed = packageOrder[from.package];
  if (allowed === undefined || allowed.includes(to.package) || /\.(?:test|fixture)\.ts$/.test(from.path))
    return null;
  return `${from.package} imports ${allowed.length === 0 ? "no other package" : allowed.join(", ")}`;
};

/** The runtime has no HTTP server and no broker. */
const serversAndBrokers = /^(?:node:)?https?2?$|^(?:fastify|ws|undici|mqtt|nats)$|^@(?:fastify|nats-io)\//;

const coreHasNoServer: ImportRule = ({ from, target }) =>
  from.package === "core" && !from.testing && "name" in target && serversAndBrokers.test(target.name)
    ? "the runtime has no HTTP server and no broker"
    : null;

/** Sockets of a treaty are opened by its means, which judge where they go: in one file, which all treaties of a system share. */
const sockets = /^(?:node:)?(?:https?|http2|net|tls|dgram|dns|dns\/promises)$|^(?:undici|ws|axios)$/;

const treatyMeans: ImportRule = ({ from, target }) =>
  from.layer === "treaties" &&
  !from.testing &&
  !from.path.endsWith("/treaties/http-call.ts") &&
  "name" in target &&
  sockets.test(target.name)
    ? "a treaty reaches the outside through http-call.ts, by its means"
    : null;

/** What another unit promises stands behind its doors; `internal` is for siblings and tests. */
const door: ImportRule = ({ from, target, to }) => {
  if (target.kind === "no-door") return "the package has no such door";
  if (target.kind !== "file" || to === null || to.unit === from.unit || from.unit === "tools") return null;
  if (to.package === null && to.system === null)
    return from.testing ? null : "packages and systems stand alone";
  if (target.door === null) return "another package is imported by its name";
  const sibling = from.package !== null || from.unit === "bench" || from.testing;
  return target.door.endsWith("/internal") && !sibling ? "internal is for sibling packages and tests" : null;
};

/** Test code never reaches production. */
const testing: ImportRule = ({ from, to }) =>
  to?.testing === true && !from.testing && from.unit !== "bench" && from.unit !== "tools"
    ? "test code is imported by tests only"
    : null;

/** Hoisting would hide a missing declaration until somebody installs the package alone. */
const declared: ImportRule = ({ from, target, to, workspaces }) => {
  if (from.testing && !from.path.startsWith("packages/testkit/")) return null;
  if (/\.(?:test|fixture)\.ts$/.test(from.path)) return null;
  const own = workspaces.find((one) => one.folder === from.unit);
  if (own === undefined) return null;
  const name = target.kind === "package" ? target.name : workspaceOf(target, to, workspaces)?.name;
  if (name === undefined || name === own.name || own.dependencies.has(name)) return null;
  return `${own.folder}/package.json does not declare ${name}`;
};

function workspaceOf(
  target: Target,
  to: Place | null,
  workspaces: readonly Workspace[],
): Workspace | undefined {
  if (target.kind !== "file" || target.door === null || to === null) return undefined;
  return workspaces.find((one) => one.folder === to.unit);
}

export const importRules: Readonly<Record<string, ImportRule>> = {
  "pure-imports": pure,
  "contract-engine-pure": contractEngine,
  "contract-imports": contract,
  "context-through-contract": context,
  "layers-point-inward": layer,
  "systems-apart": system,
  "packages-know-no-system": packageToSystem,
  "package-order": packages,
  "core-without-server": coreHasNoServer,
  "treaties-by-their-means": treatyMeans,
  "doors-only": door,
  "no-test-code-in-production": testing,
  "declared-dependencies": declared,
};
