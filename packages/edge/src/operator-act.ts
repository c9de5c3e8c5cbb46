import { Type } from "typebox";

/** What acts of operators have in common. */
export const contextName = Type.String({ minLength: 1, maxLength: 63 });

/** At least one character that can be read. */
export const Why = Type.String({ pattern: "\\S", maxLength: 500, description: "Kept with the act." });
