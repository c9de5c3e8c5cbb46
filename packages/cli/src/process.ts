import { Failure, isId } from "@entente/core/model";
import { type Story, storyLines } from "./process-story.ts";

export interface ProcessShowOptions {
  readonly limit?: string;
  readonly json?: true;
}

/**
 * Prints the story of a process, asked of a running system: the system may be at work elsewhere, and its databases need not be
 * within reach. Environment: ENTENTE_URL, ENTENTE_TOKEN (an operator's or auditor's).
 * Errors: `process-question-invalid`, `process-not-shown` (refused), `system-not-reached` (unavailable).
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
  const token = environment.ENTENTE_TOKEN;
  if (token === undefined || token === "")
    throw questionInvalid("Set ENTENTE_TOKEN to the token of an operator or an auditor.");
  const base = environment.ENTENTE_URL || "http://127.0.0.1:8080";
  if (!URL.canParse(base)) throw questionInvalid("ENTENTE_URL is not a URL.");
  const url = new URL(`/ops/processes/${id}/timeline?limit=${limit}`, base);
  const answer = await fetch(url, {
    headers: { authorization: `Bearer ${token}` },
    redirect: "error",
    signal: AbortSignal.timeout(30_000),
  }).catch((cause: unknown) => {
    throw new Failure("unavailable", "system-not-reached", `Nothing answers at ${url.origin}.`, { cause });
  });
  const body = (await answer.json().catch(() => ({}))) as { code?: unknown; detail?: unknown };
  if (answer.status === 200) return body as unknown as Story;
  const said = typeof body.detail === "string" ? ` ${body.detail}` : "";
  const code = typeof body.code === "string" ? ` (${body.code})` : "";
  throw new Failure("refused", "process-not-shown", `The system answered ${answer.status}${code}.${said}`);
}

function questionInvalid(text: string): Failure {
  return new Failure("refused", "process-question-invalid", text);
}
