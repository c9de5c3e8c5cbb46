import { checkpointsFile, entriesFile, keyFile, type Manifest, manifestFile } from "./bundle.ts";

/** The README of a bundle: for somebody who has nothing but the bundle and a key that was given to them by another way. */
export function readmeText({
  origin,
  selection,
  size,
  indexes,
  closed,
  verifierKey,
}: Manifest & { readonly verifierKey: string }): string {
  return `# Part of an audit log

Log \`${origin}\`, selection \`${selection}\`: ${indexes.length} entries of the ${size} that its newest checkpoint here speaks of.

| File | What it holds |
| --- | --- |
| \`${entriesFile}\` | An entry per line: its index in the log, its bytes, what it commits to, and the proof that it stands at that index. |
| \`${checkpointsFile}\` | Signed checkpoints, oldest first, each with the proof that the newest begins with it. |
| \`${manifestFile}\` | Which entries were exported, and the hashes of both files, signed. |
| \`${keyFile}\` | The public key. It proves nothing to have it from here: compare it with the one you were given. |

## Verify it

With the program of the log's maker, off line:

    entente audit verify <this folder> --key '${verifierKey}'

Or with one of your own; all of it is public and short:

1. \`${manifestFile}\` and every \`note\` are signed notes (c2sp.org/signed-note) of that key; a note's text is a checkpoint
   (c2sp.org/tlog-checkpoint): origin, number of entries, root.
2. SHA-256 over a zero byte and the \`leaf\` bytes of an entry is its leaf hash. With \`index\`, the size of the newest checkpoint and
   \`proof\` it leads to that checkpoint's root (RFC 9162, 2.1.3.2).
3. SHA-256 over the bytes of \`nonce\` and the UTF-8 bytes of \`payload\` is the last 32 bytes of \`leaf\`. Both are null when the
   data was erased, and of a closed entry; the entry is proved all the same.
4. With \`proof\`, each checkpoint's size and root lead to the newest (RFC 9162, 2.1.4.2).
5. The indexes are those of \`${manifestFile}\`, in this order.

## What belongs to it
${belonging(selection, closed.length)}
A selection by process or account is complete by the word of whoever exported it, given by the signature of the manifest; a
period and the whole log have no gaps, which you can see.
`;
}

function belonging(selection: string, closed: number): string {
  if (!/^(process|account) /.test(selection))
    return "\nEverything that was logged between its first entry and its last.\n";
  const counted =
    closed === 0
      ? "None of its entries is closed."
      : `Closed entries: ${closed}. \`${manifestFile}\` names them in its line \`closed\`.`;
  return `
Entries under the process or key that was asked for; the batches that hold a row of it, under processes of their own, because a batch
is one act for many; and what counterparties and people said that led to either. A **closed** entry of a batch shared with others, or of
a run that looked at many, has its bytes and its proof here and no \`nonce\` and \`payload\`: these speak of others, or may. What
its bytes say in the open (kind, type, time, ids) is readable. That it belongs to the selection is the exporter's word.
${counted}
`;
}
