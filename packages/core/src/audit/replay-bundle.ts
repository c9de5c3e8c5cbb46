import canonicalize from "canonicalize";
import type { Json } from "../model/entry.ts";
import { openReplay, type Rebuilt, type ReplayFinding, type ReplayRules } from "../model/replay.ts";
import { entryOfLeaf, type Payload } from "./leaf.ts";
import { sha256 } from "./merkle-tree.ts";
import { readOutcomes } from "./outcomes.ts";
import { type BundleReport, type BundleTrust, verifyBundle } from "./verify-bundle.ts";

/** What the evidence of a bundle comes to. */
export interface ReplayReport {
  /** Nothing is rebuilt from a bundle that is not as it was signed. */
  readonly bundle: BundleReport;
  /** Whether outcomes are in it that its key vouches for. */
  readonly outcomes: "compared" | "absent" | "not-as-signed";
  readonly rebuilt: readonly RebuiltState[];
  readonly findings: readonly ReplayFinding[];
}

export interface RebuiltState extends Rebuilt {
  /** SHA-256 over the canonical JSON (RFC 8785) of `state`, hexadecimal. */
  readonly digest: string;
}

/**
 * Verifies a bundle, rebuilds what its entries lead to, and compares that with the outcomes that were stored beside the evidence. Reads
 * nothing but the folder: no clock, no network, no database.
 * Guarantees: without findings in either report, every outcome in the bundle is what its signed entries lead to by these rules.
 */
export async function replayBundle(
  folder: string,
  trust: BundleTrust,
  rules: ReplayRules,
): Promise<ReplayReport> {
  // All of it is verified before anything of it is believed.
  const bundle = await verifyBundle(folder, trust);
  const none = { bundle, outcomes: "absent", rebuilt: [], findings: [] } as const;
  if (bundle.findings.length > 0) return none;
  const read = await readOutcomes(folder, trust.verifier);
  if ("refused" in read && read.refused === "not-as-signed") return { ...none, outcomes: "not-as-signed" };
  const withKeys = bundle.selection === "all" || bundle.selection?.startsWith("account ") === true;
  const replay = openReplay(rules, "refused" in read ? [] : read.outcomes, withKeys);
  const again = await verifyBundle(folder, trust, (index, leaf, payload, isClosed) => {
    // What else the batch of a row says is no part of any outcome.
    if (isClosed) return;
    if (payload === null) replay.miss(index, leaf.source, leaf.processId);
    else replay.take(index, leaf.generation, entryOfLeaf(leaf, JSON.parse(payload) as Payload));
  });
  if (again.findings.length > 0) return { ...none, bundle: again };
  const { rebuilt, findings } = replay.end();
  return {
    bundle,
    outcomes: "refused" in read ? "absent" : "compared",
    rebuilt: rebuilt.map((one) => ({ ...one, digest: digestOf(one.state) })),
    findings,
  };
}

/** SHA-256 over canonical JSON, hexadecimal. */
export function digestOf(state: object): string {
  return sha256(Buffer.from(canonicalize(state as Json) as string)).toString("hex");
}
