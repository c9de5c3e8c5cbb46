import type { FeedNews } from "./treaty.ts";

/** Records heard while everything is read that are kept until it was; past them nobody listens until then. */
const recordsKept = 1_000;

/**
 * Listens while something else is done as well: a reading of everything takes minutes, and a feed may forget whoever does not listen for
 * some seconds. What is heard meanwhile waits: a page that was read before it would bring back what the records were.
 */
export interface ListeningAhead {
  next(): Promise<FeedNews>;
  /** Does it, and returns what was heard meanwhile, in order. Errors: those of what is done; those of listening come with `next`. */
  during(act: () => Promise<void>): Promise<readonly FeedNews[]>;
}

export function listenAhead(listen: () => Promise<FeedNews>): ListeningAhead {
  /** What is listened for and was not taken. */
  let ahead: Promise<FeedNews> | null = null;
  const listening = (): Promise<FeedNews> => {
    ahead ??= listen();
    // It is looked at later, maybe never.
    ahead.catch(() => undefined);
    return ahead;
  };
  async function next(): Promise<FeedNews> {
    try {
      return await listening();
    } finally {
      ahead = null;
    }
  }
  async function listenWhile(isGoingOn: () => boolean, heard: FeedNews[]): Promise<void> {
    for (let records = 0; isGoingOn() && records < recordsKept; ) {
      const news = await listening();
      if (!isGoingOn()) return;
      ahead = null;
      heard.push(news);
      records += news.records.length;
    }
  }
  return {
    next,
    async during(act) {
      const heard: FeedNews[] = [];
      let isGoingOn = true;
      // A connection that breaks meanwhile is told by the next one who listens.
      listenWhile(() => isGoingOn, heard).catch(() => undefined);
      try {
        await act();
      } finally {
        isGoingOn = false;
      }
      return heard;
    },
  };
}
