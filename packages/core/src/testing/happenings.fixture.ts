/** What a runtime under test reports, to be waited for; and named points where it is made to wait. */
import type { ConsumerEvent } from "../consumer/consumer.ts";

/** Longest a test waits for anything, milliseconds: more than the busiest machine needs. */
const patienceMs = 60_000;

export interface Happenings {
  readonly report: (event: ConsumerEvent) => void;
  readonly probe: (point: string) => Promise<void> | void;
  readonly events: readonly ConsumerEvent[];
  /** How often a probe point was passed. */
  passed(point: string): number;
  /** The first event of this kind, past or to come, that matches. */
  heard<Kind extends ConsumerEvent["event"]>(
    kind: Kind,
    match?: (event: Extract<ConsumerEvent, { event: Kind }>) => boolean,
  ): Promise<Extract<ConsumerEvent, { event: Kind }>>;
  count(kind: ConsumerEvent["event"], consumer?: string): number;
  /** Stops whoever comes to this point next, until released. */
  park(point: string): { readonly reached: Promise<void>; release(): void };
  /** Whoever comes to this point next fails with this error. */
  failAt(point: string, error: unknown): void;
  /** Resolves once the condition holds; looked at whenever something is reported or passed, and now and then besides. */
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
}

export function openHappenings(): Happenings {
  const events: ConsumerEvent[] = [];
  const passes = new Map<string, number>();
  const stops = new Map<string, (() => Promise<void>)[]>();
  let wake = Promise.withResolvers<void>();
  const stir = (): void => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  const happenings: Happenings = {
    events,
    report(event) {
      events.push(event);
      stir();
    },
    probe(point) {
      passes.set(point, (passes.get(point) ?? 0) + 1);
      stir();
      return stops.get(point)?.shift()?.();
    },
    passed: (point) => passes.get(point) ?? 0,
    async heard<Kind extends ConsumerEvent["event"]>(
      kind: Kind,
      match: (event: Extract<ConsumerEvent, { event: Kind }>) => boolean = () => true,
    ) {
      type Wanted = Extract<ConsumerEvent, { event: Kind }>;
      const find = () =>
        events.find((event): event is Wanted => event.event === kind && match(event as Wanted));
      await happenings.until(`event ${kind}`, () => find() !== undefined);
      return find() as Wanted;
    },
    count: (kind, consumer) =>
      events.filter(
        (event) => event.event === kind && (consumer === undefined || event.consumer === consumer),
      ).length,
    park(point) {
      const reached = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      add(point, () => {
        reached.resolve();
        return released.promise;
      });
      return { reached: reached.promise, release: () => released.resolve() };
    },
    failAt(point, error) {
      add(point, () => Promise.reject(error));
    },
    async until(what, condition) {
      const limit = performance.now() + patienceMs;
      for (;;) {
        const stirred = wake.promise;
        if (await condition()) return;
        if (performance.now() > limit) {
          throw new Error(
            `waited ${patienceMs} ms for ${what}; last events: ${JSON.stringify(events.slice(-8))}`,
          );
        }
        await Promise.race([stirred, tick()]);
      }
    },
  };
  function add(point: string, stop: () => Promise<void>): void {
    stops.set(point, [...(stops.get(point) ?? []), stop]);
  }
  return happenings;
}

/** Something to wait for that nobody reports is looked at again after this. */
function tick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
