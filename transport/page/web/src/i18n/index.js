// The page's words. A language is one file beside this one, listed here.
import en from "./en.js";
import es from "./es.js";

export const languages = [en, es];
let current = en;

export const language = () => current;

// choose takes the first language the reader's browser asks for.
export function choose(wanted) {
  for (const tag of wanted) {
    const found = languages.find((l) => l.code === tag.slice(0, 2).toLowerCase());
    if (found) return use(found.code);
  }
  return use("en");
}

export function use(code) {
  current = languages.find((l) => l.code === code) || en;
  return current;
}

// t is the sentence of a key with its values filled in.
export function t(key, values = {}) {
  const text = current.words[key] ?? en.words[key];
  if (text === undefined) throw new Error(`no words for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export const has = (key) => key in current.words;

// tn picks the plural form for n.
export function tn(key, n, values = {}) {
  const rule = new Intl.PluralRules(current.code).select(n);
  const form = has(`${key}_${rule}`) ? rule : "other";
  return t(`${key}_${form}`, { n: n.toLocaleString(current.code), ...values });
}

export function size(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  let n = Math.max(0, bytes);
  let unit = 0;
  for (; n >= 1000 && unit < 3; unit++) n /= 1000;
  const digits = unit > 0 && n < 10 ? 1 : 0;
  return new Intl.NumberFormat(current.code, {
    style: "unit", unit: units[unit], unitDisplay: unit ? "short" : "long", maximumFractionDigits: digits,
  }).format(n);
}

export const percent = (share) => new Intl.NumberFormat(current.code, { style: "percent" }).format(share);

export const moment = (date) => new Intl.DateTimeFormat(current.code, { dateStyle: "long", timeStyle: "short" }).format(date);

// day shows a calendar date (YYYY-MM-DD, or DICOM's YYYYMMDD) as such, in no
// time zone.
export function day(text) {
  const m = /^(\d{4})-?(\d{2})-?(\d{2})/.exec(text || "");
  if (!m) return "";
  const date = new Date(Date.UTC(+m[1], +m[2] - 1, +m[3]));
  return new Intl.DateTimeFormat(current.code, { dateStyle: "long", timeZone: "UTC" }).format(date);
}

export function relative(date, now) {
  const hours = (date - now) / 3600000;
  const format = new Intl.RelativeTimeFormat(current.code, { numeric: "auto" });
  return Math.abs(hours) < 36 ? format.format(Math.round(hours), "hour") : format.format(Math.round(hours / 24), "day");
}

export function duration(seconds) {
  const [n, unit] = seconds < 90 ? [Math.max(5, Math.ceil(seconds / 5) * 5), "second"] : [Math.ceil(seconds / 60), "minute"];
  return new Intl.NumberFormat(current.code, { style: "unit", unit, unitDisplay: "long" }).format(n);
}
