import { wordlist } from "./wordlist.js";

// wordCount is the number of words a generated passphrase has.
export const wordCount = 6;

const longest = Math.max(...[...wordlist].map((w) => w.length));

// split cuts letters without spaces between them into words of the list. There is one
// way at most, as no word of it begins another one.
function split(letters) {
  const found = [];
  while (letters) {
    let n = 1;
    while (n <= longest && !wordlist.has(letters.slice(0, n))) n++;
    if (n > longest) return [];
    found.push(letters.slice(0, n));
    letters = letters.slice(n);
  }
  return found;
}

// words splits what was typed into lower-case words. Where they are not six of the
// list, but all the letters in a row are, those count: spaces were left out or set
// within a word, or the words typed with their numbers. It does what NormalizePassphrase
// of packager/seal does.
export function words(typed) {
  const typedWords = String(typed).normalize("NFKC").toLowerCase().replaceAll("\u00ad", "")
    .split(/[^\p{L}\p{Nd}]+/u).filter(Boolean);
  if (typedWords.length === wordCount && unknown(typedWords).length === 0) return typedWords;
  const six = split(typedWords.join("").replace(/\p{Nd}/gu, ""));
  return six.length === wordCount ? six : typedWords;
}

// unknown gives the positions, from 1, of the words that are not in the list.
export const unknown = (typedWords) => typedWords.flatMap((word, i) => (wordlist.has(word) ? [] : [i + 1]));

// normalise turns what was typed into the canonical passphrase: lower-case
// words joined with "-". Case, spaces, line ends and every kind of dash are
// forgiven, so that words read from paper open the bundle.
export function normalise(typed) {
  return words(typed).join("-");
}
