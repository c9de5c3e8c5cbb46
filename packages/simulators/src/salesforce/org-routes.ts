import { refuse } from "./api-error.ts";
import { idUrl } from "./oauth-routes.ts";
import { type RestAnswer, type RestCall, type RestRoute, rowObjectOf } from "./rest-call.ts";
import type { Row } from "./store.ts";
import { shownInstant } from "./value.ts";

/** The org as a whole: what there is below this version, what is left of its limits, what changed and what was deleted. */
export const orgRoutes: readonly RestRoute[] = [
  {
    method: "GET",
    path: "",
    operation: () => "read-resources",
    handle: ({ base, origin, user }) => ({
      status: 200,
      body: {
        ...Object.fromEntries(
          ["sobjects", "query", "queryAll", "limits", "composite", "jobs"].map((name) => [
            name,
            `${base}/${name}`,
          ]),
        ),
        identity: idUrl(origin, user.id),
      },
    }),
  },
  { method: "GET", path: "limits", operation: () => "read-limits", handle: limits },
  {
    method: "GET",
    path: "sobjects/:object/updated",
    operation: () => "read-updated",
    handle(call) {
      const { rows, latestDateCovered } = modifiedIn(call);
      return { status: 200, body: { ids: rows.filter(isLive).map(({ id }) => id), latestDateCovered } };
    },
  },
  {
    method: "GET",
    path: "sobjects/:object/deleted",
    operation: () => "read-deleted",
    handle(call) {
      const { rows, latestDateCovered } = modifiedIn(call);
      const deletedRecords = rows
        .filter((row) => !isLive(row))
        .map(({ id, values }) => ({ id, deletedDate: shownInstant(values.SystemModstamp ?? null) }));
      const earliest = new Date(call.org.now() - 30 * dayMs).toISOString();
      return {
        status: 200,
        body: { deletedRecords, earliestDateAvailable: shownInstant(earliest), latestDateCovered },
      };
    },
  },
];

const dayMs = 86_400_000;

function limits({ org }: RestCall): RestAnswer {
  const { requests, events } = org.limits;
  const settings = org.limits.settings();
  const left = (allowed: number, used: number) => ({ Max: allowed, Remaining: Math.max(allowed - used, 0) });
  return {
    status: 200,
    body: {
      DailyApiRequests: left(settings.dailyApiRequests, requests.used()),
      DailyDeliveredPlatformEvents: left(settings.dailyEvents, events.used()),
      DailyStreamingApiEvents: left(settings.dailyEvents, events.used()),
      StreamingApiConcurrentClients: left(settings.streamingClients, 0),
    },
  };
}

function isLive({ values }: Row): boolean {
  return values.IsDeleted !== true;
}

/** Rows touched between start and end; `latestDateCovered` is where to go on. Errors: INVALID_REPLICATION_DATE. */
function modifiedIn(call: RestCall): { readonly rows: readonly Row[]; readonly latestDateCovered: unknown } {
  const object = rowObjectOf(call);
  const [start, end] = ["start", "end"].map((name) => instantOf(call.query.get(name)));
  if (start === undefined || end === undefined || Number.isNaN(start) || Number.isNaN(end)) {
    throw refuse("INVALID_REPLICATION_DATE", "startDate and endDate are required ISO 8601 instants");
  }
  if (end <= start) throw refuse("INVALID_REPLICATION_DATE", "endDate must be after startDate");
  if (start < call.org.now() - 30 * dayMs) {
    throw refuse("INVALID_REPLICATION_DATE", "startDate cannot be more than 30 days ago");
  }
  const until = Math.min(end, call.org.now());
  const rows = call.org.store.rows(object).filter(({ values }) => {
    const at = Date.parse(String(values.SystemModstamp));
    return at >= start && at <= until;
  });
  return { rows, latestDateCovered: shownInstant(new Date(until).toISOString()) };
}

function instantOf(text: string | null): number {
  return Date.parse((text ?? "").replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
}
