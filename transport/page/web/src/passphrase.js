// words splits what was typed into lower-case words. It does what
// NormalizePassphrase of packager/seal does.
export function words(typed) {
  return String(typed).normalize("NFKC").toLowerCase().replaceAll("\u00ad", "")
    .split(/[^\p{L}\p{Nd}]+/u).filter(Boolean);
}

// normalise turns what was typed into the canonical passphrase: lower-case
// words joined with "-". Case, spaces, line ends and every kind of dash are
// forgiven, so that words read from paper open the bundle.
export function normalise(typed) {
  return words(typed).join("-");
}

// wordCount is the number of words a generated passphrase has.
export const wordCount = 6;
