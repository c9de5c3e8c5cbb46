/** Several rounds of one scenario made one row: the machine's speed changes by half from minute to minute. */
import type { Outcome } from "./runner.ts";
import type { Scenario } from "./scenarios.ts";

/** The middle one by value; of an even number the lower of the two. */
function middle<T>(items: readonly T[], value: (item: T) => number): T | undefined {
  return items.toSorted((a, b) => value(a) - value(b))[Math.floor((items.length - 1) / 2)];
}

/**
 * One outcome for each target of a scenario: its middle run, with the lowest and highest main figure beside it, and the
 * middle of the ratios to `ours` taken within each round, whose runs followed each other. What failed or was skipped stays.
 */
export function joinRounds(scenario: Scenario, rounds: readonly Outcome[][], ours: string): Outcome[] {
  const main = (outcome: Outcome | undefined): number => outcome?.figures?.[scenario.main] ?? Number.NaN;
  const targets = new Set(rounds.flat().map(({ target }) => target));
  return [...targets].map((target): Outcome => {
    const runs = rounds.flatMap((round) => round.filter((outcome) => outcome.target === target));
    const gone = runs.find((outcome) => outcome.figures === undefined);
    const chosen = middle(runs, main);
    if (gone !== undefined || chosen?.figures === undefined || runs.length === 1)
      return gone ?? (runs[0] as Outcome);
    const ratios = rounds
      .map((round) => {
        const own = main(round.find((outcome) => outcome.target === ours));
        const other = main(round.find((outcome) => outcome.target === target));
        return scenario.moreIsBetter ? own / other : other / own;
      })
      .filter(Number.isFinite);
    const ratio = middle(ratios, (one) => one);
    return {
      ...chosen,
      ...(ratio === undefined || target === ours ? {} : { ratio }),
      figures: {
        [scenario.main]: main(chosen),
        lowest: Math.min(...runs.map(main)),
        highest: Math.max(...runs.map(main)),
        ...chosen.figures,
      },
    };
  });
}
