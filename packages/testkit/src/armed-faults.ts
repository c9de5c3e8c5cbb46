/** How often an armed fault fires before it is spent. */
export interface ArmOptions {
  /** Default 1. */
  readonly times?: number;
}

/**
 * A fault that waits for its moment.
 * `fired` resolves with every firing once all `times` have happened, so that a test waits on it instead of sleeping;
 * it rejects when the fault is disarmed (by hand, by a replacement or by closing the proxy) before that.
 */
export interface ArmedFault<Firing> {
  readonly fired: Promise<readonly Firing[]>;
  /** Firings so far. */
  readonly firings: readonly Firing[];
  /** Takes the fault back; harmless once it is spent. */
  disarm(): void;
}

interface Slot<Armed, Firing> {
  readonly armed: Armed;
  /** Claims still to be handed out. */
  left: number;
  readonly times: number;
  readonly firings: Firing[];
  readonly spent: PromiseWithResolvers<readonly Firing[]>;
}

/** A firing in progress: exactly one of the two is called. */
export interface ArmedClaim<Armed, Firing> {
  readonly armed: Armed;
  fired(firing: Firing): void;
  /** The moment passed without the fault; it waits for another. */
  giveBack(): void;
}

/** The armed faults of one kind, oldest first. */
export class ArmedFaults<Armed, Firing> {
  readonly #slots = new Set<Slot<Armed, Firing>>();

  arm(armed: Armed, options: ArmOptions = {}): ArmedFault<Firing> {
    const times = options.times ?? 1;
    const slot: Slot<Armed, Firing> = {
      armed,
      left: times,
      times,
      firings: [],
      spent: Promise.withResolvers(),
    };
    // Nobody has to wait for it; whoever does still sees the rejection.
    slot.spent.promise.catch(() => undefined);
    this.#slots.add(slot);
    return { fired: slot.spent.promise, firings: slot.firings, disarm: () => this.#remove(slot) };
  }

  /** Takes one firing of the oldest fault that matches and has any left. */
  claim(matches: (armed: Armed) => boolean): ArmedClaim<Armed, Firing> | null {
    for (const slot of this.#slots) {
      if (slot.left === 0 || !matches(slot.armed)) continue;
      slot.left--;
      return {
        armed: slot.armed,
        fired: (firing) => {
          slot.firings.push(firing);
          if (slot.firings.length < slot.times) return;
          slot.spent.resolve(slot.firings);
          this.#slots.delete(slot);
        },
        giveBack: () => {
          slot.left++;
        },
      };
    }
    return null;
  }

  has(matches: (armed: Armed) => boolean): boolean {
    return [...this.#slots].some((slot) => matches(slot.armed));
  }

  disarm(matches: (armed: Armed) => boolean): void {
    for (const slot of [...this.#slots]) if (matches(slot.armed)) this.#remove(slot);
  }

  #remove(slot: Slot<Armed, Firing>): void {
    this.#slots.delete(slot);
    slot.spent.reject(
      new Error(`the fault was disarmed after ${slot.firings.length} of ${slot.times} firings`),
    );
  }
}
