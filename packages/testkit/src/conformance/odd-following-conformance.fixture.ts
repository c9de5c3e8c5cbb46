/** The suite of a treaty that follows, as a user writes it: run by following-conformance.pg.test.ts in a process of its own. */
import { after } from "node:test";
import { conformance } from "./conformance.ts";
import { accountOfShelf, shelfIn, startOddAuthority, tokenOfWarehouse } from "./odd-authority.fixture.ts";
import {
  anotherDoor,
  askWarehouse,
  type FollowingBug,
  followingBugs,
  gone,
  note,
} from "./odd-following.fixture.ts";

const bug = (process.env.PLANTED_BUG ?? "none") as FollowingBug;
const odd = await startOddAuthority();
after(() => odd.close());
const treaty =
  bug === "goes out by another door"
    ? followingBugs.none(anotherDoor(odd.url))
    : followingBugs[bug](askWarehouse(odd.url));
/** What a counterparty of a user's own may be unable to do. */
const { tellSo: _tellSo, forgetPlaces: _forgetPlaces, spoil: _spoil, advance: _advance, ...plain } = odd;
const words = ["open", "paused", "closed"];

conformance(treaty, process.env.PLAIN === "1" ? plain : odd, {
  tells: (id, edition) => {
    const { name, account, units } = shelfIn(id, edition);
    return note(account, { name, account, units, state: words[edition] as string });
  },
  tellsGone: (id) => gone(id, accountOfShelf(id)),
  secrets: { token: tokenOfWarehouse },
  answerWithinMs: 600,
  // A bug shows by what never comes: there nothing is gained by more patience.
  patienceMs: bug === "none" ? 20_000 : 4_000,
});
