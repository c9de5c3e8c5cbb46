import { Type } from "typebox";

/** What the token calls who ordered it; an office's name, as in every other act of an operator. */
export const By = Type.String({ minLength: 1, maxLength: 128 });
/** Why, in the operator's words. Not personal: it is kept as long as the books are. */
export const Why = Type.String({ pattern: "\\S", maxLength: 500 });
