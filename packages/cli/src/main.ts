import { type Failure, isFailure } from "@entente/core";
import { Command } from "commander";
import { type SimulateOptions, simulate } from "./simulate.ts";
import { up } from "./up.ts";

const program = new Command("entente")
  .description("Integrations between systems of record, declared once as executable treaties.")
  .showHelpAfterError();

program
  .command("up")
  .argument("<system>", "the system to run: flux")
  .option("--contexts <names>", "comma-separated contexts this process works for (default: all)")
  .description(
    "Run a system. Environment: PORT, ENTENTE_HOME, ENTENTE_DATABASE_URL, ENTENTE_MODE; see docs/reference/configuration.md.",
  )
  .action(async (system: string, options: { contexts?: string }) => {
    await up(system, options.contexts?.split(","), process.env);
  });

program
  .command("simulator")
  .argument("<name>", "the system to simulate; see docs/reference/simulators.md")
  .option("--port <n>", "port on the loopback interface (0: any free one)", "0")
  .option("--seed <n>", "seed of everything left to chance (default: chosen, and printed)")
  .description("Run one simulator of a system outside ours, with its control interface under /_control.")
  .action(async (name: string, options: SimulateOptions) => {
    await simulate(name, options, process.env);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!isFailure(error)) throw error;
  console.error(textOf(error));
  process.exit(1);
}

/** What went wrong, what it is called, and what caused it: enough to look it up and to act. */
function textOf(failure: Failure): string {
  const cause =
    failure.cause instanceof Error && failure.kind !== "refused" ? `\n  cause: ${failure.cause.message}` : "";
  return `entente: ${failure.message}\n  code: ${failure.code} (docs/reference/errors.md)${cause}`;
}
