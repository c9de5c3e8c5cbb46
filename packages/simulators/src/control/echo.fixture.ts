import { openControlClient } from "./control-client.ts";
import { malformedJson } from "./malformed-json.ts";
import type { Answer } from "./simulator-system.ts";
import { type RunningSimulator, type SimulatorDefinition, startSimulator } from "./start-simulator.ts";

/** The smallest system there can be: it takes notes, and calls back for each. For the tests of the control part. */
export function echoSystem(delivered: (callback: string) => Promise<void>): SimulatorDefinition {
  return {
    description: {
      name: "echo",
      title: "Echo",
      operations: {
        "take-note": { does: "POST /notes", effect: true, callback: true },
        "read-notes": { does: "GET /notes", effect: false, callback: false },
      },
      rejections: { "too-long": { means: "The note is too long." } },
      credentials: { key: "echo-dev" },
    },
    open(control) {
      let notes: { id: string; text: string; status: string }[] = [];
      const queue = control.callbacks(delivered);
      return {
        answers: {
          rejection: ({ reason }) => json(422, { reason }),
          unauthorized: () => json(401, { reason: "unauthorized" }),
          throttled: (seconds) => json(429, { reason: "throttled" }, { "retry-after": String(seconds ?? 1) }),
          serverError: (status) => json(status ?? 500, { reason: "server-error" }),
          unavailable: () => json(503, { reason: "unavailable" }),
          unknownStatus: (status, answer) => ({
            ...answer,
            body: JSON.stringify({ ...JSON.parse(answer.body), status: status ?? "puzzled" }),
          }),
          malformed: (variant, answer) => malformedJson(variant, answer, ["status", "id"]),
        },
        identify: (request) => ({
          operation:
            request.routeOptions.url === "/notes"
              ? request.method === "POST"
                ? "take-note"
                : "read-notes"
              : null,
          keys: typeof request.headers["note-key"] === "string" ? [request.headers["note-key"]] : [],
        }),
        routes: [
          async (app) => {
            // A system's own hook may answer, as one that keeps idempotency keys does.
            app.addHook("preHandler", async (request, reply) => {
              const known = notes.find(({ text }) => text === request.headers["known-as"]);
              if (known !== undefined) return reply.code(200).send(known);
            });
            app.post<{ Body: { text: string } }>("/notes", async (request, reply) => {
              const note = { id: `note-${notes.length + 1}`, text: request.body.text, status: "kept" };
              notes.push(note);
              request.call.effect({ id: note.id, amount: note.text.length });
              queue.send([`${note.id} began`, `${note.id} kept`], request.call.behaviour);
              return reply.code(201).send(note);
            });
            app.get("/notes", async () => ({ notes }));
          },
        ],
        reset() {
          notes = [];
        },
      };
    },
  };
}

function json(status: number, body: object, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
}

export interface Echo extends RunningSimulator {
  readonly client: ReturnType<typeof openControlClient>;
  /** Callbacks in the order in which they arrived. */
  readonly callbacks: readonly string[];
  /** Resolves when so many callbacks have arrived in all. */
  arrived(count: number): Promise<void>;
  note(text: string, headers?: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Response>;
}

export async function startEcho(seed = 7): Promise<Echo> {
  const callbacks: string[] = [];
  let told: (() => void)[] = [];
  const simulator = await startSimulator(
    echoSystem(async (callback) => {
      callbacks.push(callback);
      for (const tell of told) tell();
    }),
    { seed },
  );
  const echo: Echo = {
    ...simulator,
    client: openControlClient(simulator.url),
    callbacks,
    async arrived(count) {
      while (callbacks.length < count) {
        await new Promise<void>((resolve) => {
          told.push(resolve);
        });
        told = [];
      }
    },
    note: (text, headers = {}, signal) =>
      fetch(`${simulator.url}/notes`, {
        method: "POST",
        body: JSON.stringify({ text }),
        headers: { "content-type": "application/json", ...headers },
        ...(signal === undefined ? {} : { signal }),
      }),
  };
  return echo;
}
