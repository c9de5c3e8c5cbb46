import { flushCompileCache } from "node:module";
import { resolve } from "node:path";
import { Failure } from "@entente/core/model";
import {
  isSimulatorName,
  type RunningSimulator,
  StateHeld,
  StateUnreadable,
  simulators,
} from "@entente/simulators";
import { openLog } from "./log.ts";
import { openTelemetry } from "./telemetry/open-telemetry.ts";
import { telemetryFromEnvironment } from "./telemetry/telemetry-settings.ts";

export interface SimulateOptions {
  readonly port?: string;
  readonly seed?: string;
  /** Folder that keeps its world. */
  readonly state?: string;
  /** Stop when standard input ends. */
  readonly untilInputEnds?: boolean;
}

/**
 * Runs one simulator until it is told to stop. Prints its seed, then one line `ready http://127.0.0.1:<port>`.
 * Errors: `simulator-unknown`, `simulator-option-invalid`, `port-in-use`, `simulator-state-unreadable`, `simulator-state-held` (refused).
 */
export async function simulate(
  name: string,
  options: SimulateOptions,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  if (!isSimulatorName(name)) {
    throw new Failure(
      "refused",
      "simulator-unknown",
      `There is no simulator "${name}". There is: ${Object.keys(simulators).join(", ")}.`,
    );
  }
  const port = wholeNumber("port", options.port ?? "0", 65_535);
  const { logger } = openLog(environment.ENTENTE_LOG_LEVEL ?? "info");
  const telemetry = await openTelemetry(
    telemetryFromEnvironment(environment, `simulator-${name}`),
    environment,
  );
  const start = await simulators[name]();
  const simulator = await listening(
    start({
      port,
      logger,
      ...(telemetry?.received == null ? {} : { tellCall: telemetry.received }),
      ...(options.state === undefined ? {} : { stateFolder: resolve(options.state) }),
      ...(options.seed === undefined ? {} : { seed: wholeNumber("seed", options.seed, 4_294_967_295) }),
    }),
    port,
  );
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    void simulator
      .stop()
      .then(() => telemetry?.stop())
      .then(() => process.exit(0));
  };
  process.once("SIGTERM", stop);
  // Ctrl-C reaches every program at the terminal; whoever started this one decides what it means.
  process.on("SIGINT", options.untilInputEnds === true ? () => {} : stop);
  if (options.untilInputEnds === true) process.stdin.once("end", stop).once("close", stop).resume();
  console.log(`seed ${simulator.seed}`);
  console.log(`ready ${simulator.url}`);
  // Kept for the next start, however this one ends.
  flushCompileCache();
}

async function listening(starting: Promise<RunningSimulator>, port: number): Promise<RunningSimulator> {
  try {
    return await starting;
  } catch (error) {
    if (error instanceof StateUnreadable) {
      throw new Failure(
        "refused",
        "simulator-state-unreadable",
        `This is not a simulator's state: ${error.message}. Remove the file, or give another folder.`,
      );
    }
    if (error instanceof StateHeld) {
      throw new Failure(
        "refused",
        "simulator-state-held",
        `Another simulator has the state in ${error.message}. End it, or give another folder.`,
      );
    }
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new Failure("refused", "port-in-use", `Port ${port} is taken. Choose another one, or 0 for any.`, {
      fields: { port },
    });
  }
}

function wholeNumber(option: "port" | "seed", text: string, largest: number): number {
  if (/^\d{1,10}$/.test(text) && Number(text) <= largest) return Number(text);
  throw new Failure(
    "refused",
    "simulator-option-invalid",
    `--${option} "${text}" is not a whole number from 0 to ${largest}.`,
    { fields: { option } },
  );
}
