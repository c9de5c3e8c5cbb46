/** A timeline as a tree of lines, for people. */

/** What the command reads of the answer of `GET /ops/processes/{id}/timeline`. */
export interface Story {
  readonly processId: string;
  readonly process: { readonly type: string; readonly state: string } | null;
  readonly about?: {
    readonly processId: string;
    readonly type: string;
    readonly state: string;
    readonly text?: string;
  } | null;
  readonly steps: readonly {
    readonly entryId: string;
    readonly depth: number;
    readonly context: string;
    readonly type: string;
    readonly afterMs: number;
    readonly at: string;
    readonly actor: {
      readonly kind: string;
      readonly name: string | null;
      readonly treaty?: string;
      readonly why?: string;
    };
    readonly data: Readonly<Record<string, unknown>>;
    readonly customer: { readonly state: string; readonly text?: string } | null;
  }[];
  readonly attempts: readonly {
    readonly entryId: string;
    readonly what: string;
    readonly attempts: readonly {
      readonly attempt: number;
      readonly ordered: { readonly by: string; readonly why: string } | null;
      readonly changes:
        | readonly { readonly pointer: string; readonly before?: unknown; readonly after?: unknown }[]
        | null;
      readonly outcomes: readonly {
        readonly state: string;
        readonly code: string | null;
        readonly means: string | null;
      }[];
    }[];
  }[];
  readonly handOffs: readonly {
    readonly treaty: string;
    readonly target: string;
    readonly state: string;
    readonly externalReference: string | null;
    readonly trouble: {
      readonly class: string | null;
      readonly code: string | null;
      readonly text: string | null;
      readonly means: string | null;
    } | null;
  }[];
  readonly cases: readonly {
    readonly kind: string;
    readonly owner: string;
    readonly says: string;
    readonly closedBy: string | null;
    readonly closedWhy: string | null;
  }[];
  readonly tookPart: Readonly<Record<"contexts" | "counterparties" | "people", readonly string[]>>;
  readonly away: readonly string[];
  readonly more: boolean;
}

export function storyLines(story: Story): string[] {
  const { processId, process, about = null, steps, attempts, handOffs, cases, tookPart, away, more } = story;
  return [
    `${process === null ? "process" : `${process.type} ${process.state}`}  ${processId}`,
    ...(about === null
      ? []
      : [
          `about ${about.type} ${about.state}  ${about.processId}${about.text === undefined ? "" : ` – ${about.text}`}`,
        ]),
    ...steps.flatMap(stepLines),
    ...section("Attempts", attempts.flatMap(attemptLines)),
    ...section("Hand-offs", handOffs.map(handOffLine)),
    ...section(
      "Cases",
      cases.map(
        ({ kind, owner, says, closedBy, closedWhy }) =>
          `${kind}, ${owner}: ${says}${closedBy === null ? "" : ` (closed by ${closedBy}: ${closedWhy})`}`,
      ),
    ),
    ...section(
      "Took part",
      Object.entries(tookPart).flatMap(([kind, names]) =>
        names.length === 0 ? [] : [`${kind}: ${names.join(", ")}`],
      ),
    ),
    ...(away.length === 0 ? [] : [`Missing, because it does not answer: ${away.join(", ")}`]),
    ...(more ? ["There is more: ask with a higher --limit."] : []),
  ].map(printable);
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)];
}

function stepLines({
  depth,
  context,
  type,
  afterMs,
  actor,
  data,
  customer,
}: Story["steps"][number]): string[] {
  const pad = "  ".repeat(Math.min(depth, 20));
  const clock = `${(afterMs / 1_000).toFixed(3)} s`.padStart(14);
  const told = ["state", "class", "code", "label"].flatMap((name) =>
    typeof data[name] === "string" ? [String(data[name])] : [],
  );
  const who =
    actor.kind === "context" ? "" : `  by ${actor.kind}${actor.name === null ? "" : ` ${actor.name}`}`;
  const why = actor.why === undefined || actor.why === "" ? "" : `: ${actor.why}`;
  const said = told.length === 0 ? "" : `  (${told.join(", ")})`;
  const below = `${" ".repeat(16)}${pad}  `;
  const lines = [
    `${clock}  ${pad}${context} ${type}${said}${who}${why}`,
    ...changesIn(data).map((change) => `${below}${change}`),
  ];
  if (customer === null) return lines;
  const words = customer.text === undefined ? "" : ` – ${customer.text}`;
  return [...lines, `${below}customer sees: ${customer.state}${words}`];
}

/** Of an entry that says what it changed: each member that is another than before. */
function changesIn({ before, after }: Story["steps"][number]["data"]): string[] {
  if (!isObject(before) || !isObject(after)) return [];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((name) => `${name}: ${valueText(before[name])} → ${valueText(after[name])}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function attemptLines({ what, attempts }: Story["attempts"][number]): string[] {
  return attempts.flatMap(({ attempt, ordered, changes, outcomes }) => [
    `${what}, attempt ${attempt}${ordered === null ? "" : `, by ${ordered.by}: ${ordered.why}`}`,
    ...(changes ?? []).map(
      ({ pointer, before, after }) => `  ${pointer || "/"}: ${valueText(before)} → ${valueText(after)}`,
    ),
    ...outcomes.map(
      ({ state, code, means }) =>
        `  ${state}${code === null ? "" : `, ${code}`}${means === null ? "" : `: ${means}`}`,
    ),
  ]);
}

function valueText(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}

function handOffLine({
  treaty,
  target,
  state,
  externalReference,
  trouble,
}: Story["handOffs"][number]): string {
  const reference = externalReference === null ? "" : `, theirs: ${externalReference}`;
  const last = [trouble?.class, trouble?.code, trouble?.text, trouble?.means].filter((one) => one != null);
  return `${treaty} (${target}): ${state}${reference}${last.length === 0 ? "" : `; last trouble: ${[...new Set(last)].join(", ")}`}`;
}

/** Text of others must not move the cursor of a terminal. */
function printable(line: string): string {
  return line.replace(/\p{Cc}/gu, "\ufffd");
}
