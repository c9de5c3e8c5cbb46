/**
 * Does the work again until it does not throw, and gives its result: for what programs of their own come to without telling anybody. Where something can be
 * waited on, wait on that. Errors: the last one of the work, once `withinMs` (default 60 s) are over.
 */
export async function eventually<Result>(work: () => Promise<Result>, withinMs = 60_000): Promise<Result> {
  const limit = performance.now() + withinMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > limit) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
