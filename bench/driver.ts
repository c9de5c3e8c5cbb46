/** Runs one load in a process of its own and keeps it informed of what the ledger has confirmed. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { FromLoad, LoadReport, LoadSpec, ToLoad } from "./load-spec.ts";

/** A load that is running. */
export type RunningLoad = {
  /** Accepted so far, at most 100 ms old. */
  accepted(): number;
  /** Lets a load with `maxBacklog` go on. */
  confirmed(count: number): void;
  /** Resolves when the last answer and the last sample are in; rejects if the process dies. */
  report: Promise<LoadReport>;
  /** Ends it at once; `report` then rejects. */
  stop(): void;
};

/** Starts a load generator. */
export function startLoad(spec: LoadSpec): RunningLoad {
  const child = fork(fileURLToPath(new URL("./load.ts", import.meta.url)), { stdio: "inherit" });
  let accepted = 0;
  const report = new Promise<LoadReport>((resolve, reject) => {
    child.on("message", (message: FromLoad) => {
      if ("progress" in message) accepted = message.progress.accepted;
      else {
        accepted = message.report.accepted;
        resolve(message.report);
      }
    });
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`the load generator ended early (exit ${code})`)));
  });
  const tell = (message: ToLoad): void => {
    if (child.connected) child.send(message);
  };
  tell({ spec });
  return {
    accepted: () => accepted,
    confirmed: (count) => tell({ confirmed: count }),
    report,
    stop: () => void child.kill(),
  };
}
