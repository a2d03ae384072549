import { Fault } from "./fault.js";

// The longest key file read: an identity is one line of about 80 characters.
export const maxKeyFile = 1 << 20;

const identity = /AGE-SECRET-KEY-(?:PQ-)?1[02-9AC-HJ-NP-Z]{20,}/g;

// identities finds the age identities in a key file or in pasted text, as
// written by age-keygen: comments and blank lines are ignored.
export function identities(text) {
  const kept = text.split(/\r?\n/).filter((line) => !line.trim().startsWith("#")).join("\n");
  const found = kept.toUpperCase().match(identity);
  if (found) return [...new Set(found)];
  if (/BEGIN [A-Z ]*PRIVATE KEY/.test(text)) throw new Fault("ssh_key");
  if (/^age-encryption\.org\/|BEGIN AGE ENCRYPTED FILE/m.test(text)) throw new Fault("protected_key");
  if (/\bage1[02-9ac-hj-np-z]{20,}/.test(text)) throw new Fault("public_key");
  throw new Fault("bad_key_file");
}
