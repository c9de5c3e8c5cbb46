/** The suite of a treaty that asks, as a user writes it: run by reading-conformance.pg.test.ts in a process of its own. */
import { after } from "node:test";
import { conformance } from "./conformance.ts";
import { shelfIn, startOddAuthority, tokenOfWarehouse } from "./odd-authority.fixture.ts";
import { anotherDoor, askWarehouse } from "./odd-following.fixture.ts";
import { type ReadingBug, readingBugs } from "./odd-reading.fixture.ts";

const bug = (process.env.PLANTED_BUG ?? "none") as ReadingBug;
const odd = await startOddAuthority();
after(() => odd.close());
const treaty =
  bug === "goes out by another door"
    ? readingBugs.none(anotherDoor(odd.url))
    : readingBugs[bug](askWarehouse(odd.url));
const words = ["open", "paused", "closed"];

conformance(treaty, odd, {
  question: (id) => ({ name: id }),
  answer: (id, edition) => {
    if (edition === null) return { found: false };
    const { name, units } = shelfIn(id, edition);
    return { found: true, name, units, state: words[edition] as string };
  },
  secrets: { token: tokenOfWarehouse },
  answerWithinMs: 800,
  patienceMs: bug === "none" ? 20_000 : 4_000,
});
