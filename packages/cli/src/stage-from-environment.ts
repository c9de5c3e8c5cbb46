import { Failure } from "@entente/core";
import { isStage, type Stage, stages } from "@entente/flux";

/** How Flux is to run; B when nothing is said. Errors: `stage-unknown` (refused). */
export function stageFromEnvironment({ ENTENTE_FLUX_STAGE: text }: NodeJS.ProcessEnv): Stage {
  if (text === undefined || text === "") return "B";
  if (isStage(text)) return text;
  const known = stages.join(", ");
  throw new Failure("refused", "stage-unknown", `ENTENTE_FLUX_STAGE="${text}" is none of ${known}.`);
}
