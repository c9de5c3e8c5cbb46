/** An event as a streaming client hands it to its listener. */
export interface Heard {
  readonly schema: string;
  readonly payload: Readonly<Record<string, unknown>> & { readonly ChangeEventHeader?: Header };
  readonly event: { readonly replayId: number; readonly EventUuid: string };
}

export interface Header {
  readonly entityName: string;
  readonly recordIds: readonly string[];
  readonly changeType: string;
  readonly changeOrigin: string;
  readonly transactionKey: string;
  readonly sequenceNumber: number;
  readonly commitNumber: number;
  readonly commitUser: string;
  readonly changedFields: readonly string[];
}

/** What a listener has heard, in order, and a way to wait for more. */
export interface Ear {
  readonly heard: readonly Heard[];
  listen(message: unknown): void;
  /** The first so many, when they have been heard. */
  first(count: number): Promise<readonly Heard[]>;
}

export function openEar(): Ear {
  const heard: Heard[] = [];
  let tell = Promise.withResolvers<void>();
  return {
    heard,
    listen(message) {
      heard.push(message as Heard);
      tell.resolve();
    },
    async first(count) {
      while (heard.length < count) {
        await tell.promise;
        tell = Promise.withResolvers();
      }
      return heard.slice(0, count);
    },
  };
}

export function headersOf(events: readonly Heard[]): readonly Header[] {
  return events.map(({ payload }) => payload.ChangeEventHeader as Header);
}
