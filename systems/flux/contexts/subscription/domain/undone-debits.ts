/**
 * The processes whose debits an account has undone, in the order of the undos: what a second undo is recognised by.
 * Only undos touch it. Debits are not kept: an undo brings the figures of its debit along (undo-quota-debit.ts), so the
 * state row that every top-up rewrites does not grow with top-ups, and no debit becomes too old to be undone.
 */
export type UndoneDebits = readonly string[];

/**
 * Undos one account remembers; the next one pushes out the oldest. Bounded because the list is part of the state row:
 * 39 bytes each (a UUID in JSON), 2.5 kB when full, which only an account with that many undos carries.
 *
 * What is lost past it: a second undo of the pushed-out debit is no longer refused here, and is carried out unless its
 * figures cannot be. Two things must go wrong first: 64 other undos of one account in between, and a second command for
 * the same debit, which a compensator that derives the command's id from the debit's fact never gets into a journal.
 * Refusing whatever might have been pushed out would be worse: it turns away rightful undos of old debits.
 */
export const undosRemembered = 64;

/** Adds the newest undo; the oldest leaves when there are too many. */
export function rememberUndo(undone: UndoneDebits, processId: string): UndoneDebits {
  return [...undone, processId].slice(-undosRemembered);
}
