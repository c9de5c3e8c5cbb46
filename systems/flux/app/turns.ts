/**
 * What is done under one name is done one after the other, in the order asked; under other names at the same time. Remembers names only while
 * something is under way. A failure is its own caller's and holds nobody up.
 */
export function openTurns(): <T>(name: string, act: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (name, act) => {
    const turn = (last.get(name) ?? Promise.resolve()).then(act);
    const over = turn.catch(() => {});
    last.set(name, over);
    try {
      return await turn;
    } finally {
      if (last.get(name) === over) last.delete(name);
    }
  };
}
