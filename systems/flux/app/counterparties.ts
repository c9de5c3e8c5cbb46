import type { Outside, Treaty } from "@entente/core";

/** Systems outside ours that Flux knows how to deal with. */
export const counterpartyNames = ["payments", "salesforce", "sap"] as const;
export type CounterpartyName = (typeof counterpartyNames)[number];

/** One of them, as far as a treaty has to know it. Secrets are not in here: they are asked for when they are used (`Outside`). */
export interface Counterparty {
  /** `https://host[:port]`, without a path. */
  readonly url: string;
}

/** Those that are there. With one that is missing Flux has no treaty. */
export type Counterparties = Readonly<Partial<Record<CounterpartyName, Counterparty>>>;

/** A treaty's place: with whom it is, and which context owns what it asks for. */
export interface PlacedTreaty {
  readonly with: CounterpartyName;
  readonly context: string;
  /** Pure. */
  declare(counterparty: Counterparty): Treaty;
}

/** Every treaty of Flux, one line each. */
export const placedTreaties: readonly PlacedTreaty[] = [];

export interface DeclaredTreaty {
  readonly with: CounterpartyName;
  readonly context: string;
  readonly treaty: Treaty;
}

export function treatiesWith(counterparties: Counterparties): readonly DeclaredTreaty[] {
  return placedTreaties.flatMap((placed) => {
    const counterparty = counterparties[placed.with];
    return counterparty === undefined
      ? []
      : [{ with: placed.with, context: placed.context, treaty: placed.declare(counterparty) }];
  });
}

/** Gives the present value of a secret, such as `password` of `sap`; undefined: there is none. */
export type SecretOf = (counterparty: CounterpartyName, name: string) => string | undefined;

/**
 * What Flux's treaties reach the outside with. Each may connect to the host of its own counterparty and nowhere else.
 * `privateRanges`: ranges in CIDR notation that may be reached although they are not public.
 */
export function fluxOutside(
  counterparties: Counterparties,
  secretOf: SecretOf,
  privateRanges: readonly string[] = [],
): Pick<Outside, "secret" | "egress"> {
  const declared = new Map(treatiesWith(counterparties).map((one) => [one.treaty.name, one.with]));
  const hostOf = (name: CounterpartyName): string => new URL(counterparties[name]?.url ?? "").hostname;
  return {
    secret: (treaty, name) => {
      const counterparty = declared.get(treaty);
      // The engine makes `credential-unknown` of a secret that nobody gave.
      return (counterparty === undefined ? undefined : secretOf(counterparty, name)) as string;
    },
    egress: Object.fromEntries(
      [...declared].map(([treaty, name]) => [treaty, { hosts: [hostOf(name)], privateRanges }]),
    ),
  };
}
