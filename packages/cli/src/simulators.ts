/** Simulators beside a running system: a process each, which ends with this one however this one ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Failure } from "@entente/core";
import { telemetryVariables } from "./telemetry/telemetry-settings.ts";

export interface RunningSimulator {
  /** `http://127.0.0.1:<port>`; the same after it was started again. */
  readonly url: string;
  /** What a developer signs in with, as `GET /_control` tells it. */
  readonly credentials: Readonly<Record<string, string>>;
  /** Its process at the moment; undefined between its end and the next start. */
  pid(): number | undefined;
}

export interface RunningSimulators {
  readonly running: ReadonlyMap<string, RunningSimulator>;
  stop(): Promise<void>;
}

interface Wanted {
  readonly name: string;
  /** 0: any free one. */
  readonly port: number;
}

const program = fileURLToPath(new URL("main.ts", import.meta.url));
/** Milliseconds before one that died is started again; twice as long after each time, up to the second. */
const restartFirstMs = 250;
const restartLongestMs = 10_000;

/**
 * Starts them at the same time; resolves when all take requests. One that dies is started again on its port; without `stateFolder` it has
 * then forgotten everything. Errors: `simulator-not-started` (defect), with none left running.
 */
export async function startSimulators(
  wanted: readonly Wanted[],
  environment: NodeJS.ProcessEnv,
  log: (line: string) => void,
  stateFolder: string | null = null,
): Promise<RunningSimulators> {
  const keepers = wanted.map((one) => new SimulatorKeeper(one, environment, log, stateFolder));
  const stop = async (): Promise<void> => {
    await Promise.all(keepers.map((keeper) => keeper.stop()));
  };
  const starts = await Promise.allSettled(keepers.map((keeper) => keeper.start()));
  const failed = starts.find((start) => start.status === "rejected");
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  const running = new Map(
    starts.flatMap((start, i) =>
      start.status === "fulfilled" ? [[wanted[i]?.name ?? "", start.value] as const] : [],
    ),
  );
  return { running, stop };
}

class SimulatorKeeper {
  private readonly name: string;
  private readonly environment: NodeJS.ProcessEnv;
  private readonly log: (line: string) => void;
  private readonly stateFolder: string | null;
  private port: number;
  private child: ChildProcess | null = null;
  private restart: NodeJS.Timeout | null = null;
  private restartMs = restartFirstMs;
  private stopping = false;

  constructor(
    { name, port }: Wanted,
    environment: NodeJS.ProcessEnv,
    log: (line: string) => void,
    stateFolder: string | null,
  ) {
    this.stateFolder = stateFolder;
    this.name = name;
    this.port = port;
    this.environment = environment;
    this.log = log;
  }

  async start(): Promise<RunningSimulator> {
    const url = await this.launch();
    this.port = Number(new URL(url).port);
    const entry = (await (await fetch(`${url}/_control`)).json()) as Pick<RunningSimulator, "credentials">;
    return { url, credentials: entry.credentials, pid: () => this.child?.pid };
  }

  async stop(): Promise<void> {
    this.stopping = true;
    if (this.restart !== null) clearTimeout(this.restart);
    const { child } = this;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    const late = setTimeout(() => child.kill("SIGKILL"), 5_000);
    child.kill("SIGTERM");
    await ended;
    clearTimeout(late);
  }

  /** Resolves to the address once it is ready. */
  private async launch(): Promise<string> {
    const { ENTENTE_LOG_LEVEL = "info", PATH = "", NODE_COMPILE_CACHE } = this.environment;
    const telemetry = telemetryVariables(this.environment);
    // A service of its own, and its spans show it.
    if (telemetry.OTEL_SERVICE_NAME) telemetry.OTEL_SERVICE_NAME += `-simulator-${this.name}`;
    // Nothing of our secrets is in its environment, but what the receiver of telemetry wants to see. Its input is a pipe that breaks when this process is gone.
    const child = spawn(
      process.execPath,
      [
        program,
        "simulator",
        this.name,
        "--port",
        String(this.port),
        ...(this.stateFolder === null ? [] : ["--state", this.stateFolder]),
        "--until-input-ends",
      ],
      {
        stdio: ["pipe", "pipe", "inherit"],
        env: { ...telemetry, ENTENTE_LOG_LEVEL, PATH, NODE_COMPILE_CACHE },
      },
    );
    this.child = child;
    child.stdin?.on("error", () => {});
    child.once("exit", (code, signal) => this.ended(code, signal));
    const url = await readyUrl(child);
    if (url === null) {
      throw new Failure("defect", "simulator-not-started", `The simulator of ${this.name} did not start.`, {
        fields: { simulator: this.name },
      });
    }
    return url;
  }

  /** Started again later each time, and reported each time. */
  private ended(code: number | null, signal: NodeJS.Signals | null): void {
    this.child = null;
    // Not before the first start has succeeded: that one is the caller's to judge.
    if (this.stopping || this.port === 0) return;
    this.log(
      `the simulator of ${this.name} ended (${signal ?? code}) and is started again${this.stateFolder === null ? "; it has forgotten everything" : ""}`,
    );
    this.restart = setTimeout(() => {
      this.launch().then(
        () => {
          this.restartMs = restartFirstMs;
        },
        () => {},
      );
    }, this.restartMs);
    this.restartMs = Math.min(restartLongestMs, this.restartMs * 2);
  }
}

/** Null when it ends before it is ready. */
async function readyUrl(child: ChildProcess): Promise<string | null> {
  if (child.stdout === null) return null;
  const lines = createInterface({ input: child.stdout });
  return new Promise((resolve) => {
    lines.on("line", (line) => {
      const url = /^ready (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
    lines.once("close", () => resolve(null));
    child.once("error", () => resolve(null));
  });
}
