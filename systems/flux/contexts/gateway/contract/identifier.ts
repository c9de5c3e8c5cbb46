import { Type } from "typebox";

/** Shape of every id a client may name: 1..64 characters, starting with a letter or digit. Safe in a path and in a log line. */
export const identifierPattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$";

/** Schema of an account, condenser, customer or plan id. */
export const Identifier = Type.String({ pattern: identifierPattern });
