import { askSystem } from "./ask-system.ts";
import { type FitnessAnswers, scorecardLines } from "./scorecard.ts";

export interface FitnessOptions {
  readonly json?: true;
}

/** Prints how a running system fares, for the tenant of the token. Environment and errors: as askSystem. */
export async function showFitness({ json }: FitnessOptions, environment: NodeJS.ProcessEnv): Promise<void> {
  const [score, { incidents }, { reviews }] = (await Promise.all([
    askSystem("/ops/fitness", environment),
    askSystem("/ops/incidents?open=true", environment),
    askSystem("/ops/reviews?open=true", environment),
  ])) as [Pick<FitnessAnswers, "from" | "until" | "functions">, FitnessAnswers, FitnessAnswers];
  const answers = { ...score, incidents, reviews };
  for (const line of json === true ? [JSON.stringify(answers, null, 2)] : scorecardLines(answers))
    console.log(line);
}
