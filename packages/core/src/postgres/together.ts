/**
 * Questions that many ask at nearly the same time, as one statement.
 * `ask`: answers in the order of the questions. `waitMs`: how long the first one waits for others (0: a turn of the event loop).
 * Errors: those of `ask`, to all who asked together.
 */
export function together<Question, Answer>(
  ask: (questions: readonly Question[]) => Promise<readonly Answer[]>,
  waitMs = 0,
): (question: Question) => Promise<Answer> {
  let waiting: { readonly question: Question; readonly answer: PromiseWithResolvers<Answer> }[] = [];
  async function askAll(): Promise<void> {
    const asked = waiting;
    waiting = [];
    try {
      const answers = await ask(asked.map(({ question }) => question));
      for (const [n, { answer }] of asked.entries()) answer.resolve(answers[n] as Answer);
    } catch (error) {
      for (const { answer } of asked) answer.reject(error);
    }
  }
  return (question) => {
    if (waiting.length === 0) {
      if (waitMs === 0) setImmediate(askAll);
      else setTimeout(askAll, waitMs);
    }
    const answer = Promise.withResolvers<Answer>();
    waiting.push({ question, answer });
    return answer.promise;
  };
}
