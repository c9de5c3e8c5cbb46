import { randomInt } from "node:crypto";
import fastify from "fastify";
import { type Logger, pino } from "pino";
import { type Control, openControl } from "./control.ts";
import { controlRoutes } from "./control-routes.ts";
import { openStateFile, stateInMemory } from "./kept-state.ts";
import { type ReceivedCallSpan, tellCalls } from "./received-call-span.ts";
import type { SimulatorSystem } from "./simulator-system.ts";
import type { SystemDescription } from "./system-description.ts";
import { simulateTraffic } from "./traffic.ts";

export interface SimulatorOptions {
  /** 0 or absent: any free one. */
  readonly port?: number;
  /** 0..4294967295; absent: chosen by itself. Print it with a failing test. */
  readonly seed?: number;
  /** Where defects of the simulator itself are told; absent: standard error. */
  readonly logger?: Logger;
  /** Folder that keeps its world from one start to the next; absent: it ends with the simulator. */
  readonly stateFolder?: string;
  /** Hears of every request that was dealt with; absent: nobody does. */
  readonly tellCall?: (call: ReceivedCallSpan) => void;
}

export interface RunningSimulator {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly seed: number;
  /** For tests in the same process; from outside use the control interface. */
  readonly control: Control;
  /** Closes every connection, held ones too, and frees the port. */
  stop(): Promise<void>;
}

/** A system to simulate: what it tells of itself, and how it is opened. */
export interface SimulatorDefinition {
  readonly description: SystemDescription;
  open(control: Control): SimulatorSystem;
}

/** Bytes of a request body; bulk files are the largest things that real clients send. */
const bodyBytes = 150 * 1024 * 1024;

/**
 * Starts one simulator on the loopback interface, ready when this resolves.
 * Errors: those of listening, such as EADDRINUSE; those of openStateFile.
 */
export async function startSimulator(
  { description, open }: SimulatorDefinition,
  options: SimulatorOptions = {},
): Promise<RunningSimulator> {
  const seed = options.seed ?? randomInt(2 ** 32);
  const log = options.logger ?? pino({ level: "error" }, pino.destination(2));
  const state =
    options.stateFolder === undefined
      ? stateInMemory()
      : await openStateFile(options.stateFolder, description.name);
  const control = openControl(description, seed, state);
  const system = open(control);
  const app = fastify({
    bodyLimit: bodyBytes,
    exposeHeadRoutes: false,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 1_024 },
  });
  app.addHook("onError", async (request, _reply, error) => {
    if ((error.statusCode ?? 500) < 500) return;
    // A refusal that a handler throws carries its `statusCode`; simulated faults are answers. All else is a bug here, and who
    // meets it in a test must be able to tell.
    log.error({ err: error, method: request.method, route: request.routeOptions.url }, "simulator defect");
  });
  if (options.tellCall !== undefined) tellCalls(app, description.name, options.tellCall);
  // What happened is on disk before anybody hears of it, and before the wire can swallow the answer: this hook stands before that one.
  app.addHook("onRoute", (route) => {
    route.onSend = [...[route.onSend ?? []].flat(), keep];
  });
  async function keep(_request: unknown, _reply: unknown, payload: unknown): Promise<unknown> {
    await state.save();
    return payload;
  }
  simulateTraffic(app, control, system);
  app.register(controlRoutes(control, system), { prefix: "/_control" });
  for (const routes of system.routes) app.register(routes);
  const url = await app.listen({ port: options.port ?? 0, host: "127.0.0.1" }).catch(async (error) => {
    await state.close();
    throw error;
  });
  return {
    url,
    seed,
    control,
    async stop() {
      control.release();
      await system.stop?.();
      await app.close();
      await state.close();
    },
  };
}
