import { isId } from "@entente/core/model";
import { askSystem, questionInvalid } from "./ask-system.ts";
import { type Story, storyLines } from "./process-story.ts";

export interface ProcessShowOptions {
  readonly limit?: string;
  readonly json?: true;
}

/**
 * Prints the story of a process, asked of a running system: the system may be at work elsewhere, and its databases need not be
 * within reach. Environment: ENTENTE_URL, ENTENTE_TOKEN (an operator's or auditor's).
 * Errors: those of askSystem.
 */
export async function showProcess(
  id: string,
  options: ProcessShowOptions,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const story = await askForStory(id, options, environment);
  for (const line of options.json === true ? [JSON.stringify(story, null, 2)] : storyLines(story))
    console.log(line);
}

async function askForStory(
  id: string,
  { limit = "500" }: ProcessShowOptions,
  environment: NodeJS.ProcessEnv,
): Promise<Story> {
  if (!isId(id)) throw questionInvalid(`"${id}" is not the id of a process or of an entry.`);
  if (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > 1_000)
    throw questionInvalid("--limit is a whole number from 1 to 1000.");
  const answer = await askSystem(`/ops/processes/${id}/timeline?limit=${limit}`, environment);
  return answer as Story;
}
