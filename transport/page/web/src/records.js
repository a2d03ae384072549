// The list of records: by kind, pictures of one series as one entry.
import { $, el, icon, offer } from "./dom.js";
import { day, has, size, t, tn } from "./i18n/index.js";
import { fileName, mime } from "./formats.js";
import { archiveOf } from "./zipwrite.js";
import * as zip from "./zip.js";
import { openViewer } from "./viewer.js";

const kinds = ["chart", "treatment_plan", "consent", "radiograph", "cbct", "photo", "scan", "model", "implant", "lab", "billing"];
const tick = "M4 12.5l5 5L20 6.5";
const manifestLanguage = "en"; // of the notices that chartseal writes
const viewable = new Set(["jpeg", "png", "pdf", "dicom"]);

// Modalities whose series is one volume (PS3.3 section C.7.3.1.1.1). Other
// series, such as a full-mouth survey, stay single pictures.
const volumes = new Set(["CT", "MR", "PT"]);

function seriesKey({ image, kind }) {
  if (!image?.series || !(volumes.has(image.modality) || kind === "cbct")) return null;
  return `${kind} ${image.series} ${image.rows}x${image.columns}`;
}

// entries joins the pictures of a DICOM volume into one entry.
export function entries(records) {
  const bySeries = new Map();
  const list = [];
  for (const record of records) {
    const key = seriesKey(record);
    const known = key && bySeries.get(key);
    if (known) {
      known.records.push(record);
      continue;
    }
    const entry = { kind: record.kind, title: record.title, date: record.date, records: [record] };
    if (key) bySeries.set(key, entry);
    list.push(entry);
  }
  return list;
}

// number tells entries apart that look the same.
function number(list) {
  const seen = new Map();
  const name = (entry) => `${entry.title} ${entry.date} ${titleOf(entry)}`;
  for (const entry of list) seen.set(name(entry), (seen.get(name(entry)) || 0) + 1);
  const count = new Map();
  for (const entry of list) {
    const key = name(entry);
    if (seen.get(key) < 2) continue;
    count.set(key, (count.get(key) || 0) + 1);
    entry.number = count.get(key);
  }
}

function groups(list) {
  const known = new Map();
  for (const entry of list) {
    const kind = entry.kind || "other";
    if (!known.has(kind)) known.set(kind, []);
    known.get(kind).push(entry);
  }
  for (const alike of known.values()) {
    alike.sort((a, b) => (b.date || "").localeCompare(a.date || ""));
    number(alike);
  }
  const rank = (kind) => (kinds.includes(kind) ? kinds.indexOf(kind) : kinds.length);
  return [...known].sort((a, b) => rank(a[0]) - rank(b[0]));
}

const kindName = (kind) => (has(`kind_${kind}`) ? t(`kind_${kind}`) : kind.replaceAll("_", " "));

function formatName(record) {
  if (record.format !== "other") return record.format.toUpperCase();
  return (/\.([A-Za-z0-9]{1,5})$/.exec(record.path)?.[1] || record.format).toUpperCase();
}

// seriesText is what the imaging program calls the series, where the title does not.
function seriesText(entry) {
  const text = named(entry).name || entry.records[0].image?.text || "";
  return letters(titleOf(entry)).includes(letters(text)) ? "" : t("called", { name: text });
}

// letters reduces a text to what counts when two are compared.
const letters = (text) => text.toLowerCase().replace(/[^\p{L}\p{Nd}]/gu, "");

function meta(entry) {
  const [first] = entry.records;
  const bytes = entry.records.reduce((sum, r) => sum + r.bytes, 0);
  const parts = [day(entry.date) || t("undated"), seriesText(entry), formatName(first), size(bytes)].filter(Boolean);
  if (entry.records.length > 1) parts.push(tn("series_slices", entry.records.length));
  else if (first.image?.frames > 1) parts.push(tn("frames", first.image.frames));
  const removed = new Set(entry.records.flatMap((r) => (r.removed || []).map((x) => x.item))).size;
  if (removed) parts.push(tn("removed", removed));
  return parts.join(" · ");
}

// titleOf is what a record is called: the manifest's title, in the reader's
// language where it is one of chartseal's own, and what was kept of the
// original file name.
function titleOf(entry) {
  const { base, name } = named(entry);
  const key = `title_${(base || entry.kind || "").toLowerCase().replaceAll(" ", "_")}`;
  const title = has(key) ? t(key) : base || kindName(entry.kind || "other");
  const [, original] = /_\d{3,}_([^/]+)\.\w+$/.exec(entry.records[0].path) || [];
  const words = original ? original.replaceAll("-", " ") : technical.test(name) ? "" : name;
  const whole = words ? t("titled", { title, name: words }) : title;
  return entry.number ? `${whole} ${entry.number}` : whole;
}

// named parts a title from what the imaging program calls the series, which the
// manifest writes behind a colon.
function named(entry) {
  const [, base, name] = /^(.*?)(?:: (.*))?$/s.exec(entry.title || "");
  return { base, name: name || "" };
}

// technical finds what imaging programs write for themselves, as package bundle does:
// it stands apart from the title.
const technical = /\d[.,]\d|\d ?(?:mm|cm|um|kv|kvp|ma|mas|mgy|s)\b|_|=/i;

// remarks are the manifest's notices on an entry's records, each once, and without the
// names of elements that they may end with.
const remarks = (entry) => [...new Set(entry.records.flatMap((r) => (r.notices || []).map((n) => n.split(" (DICOM: ")[0])))];

// Shelf offers the verified content of an opened bundle.
class Shelf {
  constructor(opened, archiveName) {
    Object.assign(this, opened, { archiveName });
  }

  content(record) {
    return zip.content(this.archive, this.members.get(record.path), mime[record.format]);
  }

  async save(entry) {
    $("status").textContent = t("saved_status", { what: titleOf(entry) });
    if (entry.records.length === 1) return offer(await this.content(entry.records[0]), fileName(entry.records[0]));
    const members = entry.records.map((r) => ({ ...this.members.get(r.path), name: fileName(r) }));
    return offer(await archiveOf(this.archive, members), `${fileName({ ...entry.records[0], format: "" }).replace(/\.\w+$/, "")}.zip`);
  }

  // saveAll saves the archive; large ones take the browser a while, and closing
  // the page meanwhile would cut them short.
  saveAll() {
    $("saving").textContent = t("saving_note", { what: this.archiveName });
    offer(this.archive.slice(0, this.archive.size, "application/zip"), this.archiveName);
  }
}

// often are the remarks that many entries share: they are shown once, for all.
function often(list) {
  const count = new Map();
  for (const text of list.flatMap(remarks)) count.set(text, (count.get(text) || 0) + 1);
  return new Set([...count].filter(([, n]) => n > 2).map(([text]) => text));
}

// row is one entry. Its buttons are named with the date, which tells pictures apart that
// are called the same.
function row(entry, shelf) {
  const what = titleOf(entry);
  const dated = [what, day(entry.date)].filter(Boolean).join(", ");
  const many = entry.records.length > 1;
  const view = () => openViewer({
    title: what, format: entry.records[0].format, items: entry.records.map((r) => () => shelf.content(r)), save: () => shelf.save(entry),
  });
  const failed = el("div", { class: "meta warn", role: "alert" });
  const save = () => shelf.save(entry).catch(() => { failed.textContent = t("save_failed"); });
  return el("li", {},
    el("div", {}, el("div", { class: "what" }, what), el("div", { class: "meta" }, meta(entry)),
      ...remarks(entry).filter((text) => !shelf.often.has(text)).map((text) => el("div", { class: "meta", lang: manifestLanguage }, text)), failed),
    el("div", { class: "buttons" },
      viewable.has(entry.records[0].format) && el("button", { type: "button", class: "button second small", "aria-label": t("view_what", { what: dated }), onclick: view }, t("view")),
      el("button", { type: "button", class: "button second small", "aria-label": t(many ? "save_series_what" : "save_what", { what: dated }), onclick: save }, t(many ? "save_series" : "save"))));
}

function section([kind, list], shelf) {
  return el("section", { class: "kind" },
    el("h2", {}, kindName(kind), el("span", {}, tn("count", list.length))),
    el("ul", { class: "list" }, ...list.map((entry) => row(entry, shelf))));
}

function notices(manifest, shared) {
  const list = [...manifest.notices || [], ...shared];
  if (list.length === 0) return null;
  return el("div", { class: "card calm notices" }, el("h2", {}, t("notice_title")), ...list.map((n) => el("p", { lang: manifestLanguage }, n)));
}

// whose names the patient, where the release is not an anonymous one.
function whose({ patient }) {
  if (!patient?.name) return null;
  const born = day(patient.birth_date);
  return el("p", { class: "sub" }, born ? t("patient_born", { name: patient.name, date: born }) : patient.name);
}

// render draws the list of an opened bundle.
export function render(opened, { practice, phone, signer, archiveName, close }) {
  const shelf = new Shelf(opened, archiveName);
  const list = entries(opened.records);
  shelf.often = often(list);
  $("records").replaceChildren(
    el("h1", { id: "records-title", tabindex: "-1" }, t("records_title", { practice })),
    ...[whose(opened.manifest)].filter(Boolean),
    el("p", { class: "on-paper" }, [practice, phone, `${t("reference")}: ${opened.manifest.reference}`].filter(Boolean).join(" · ")),
    el("p", { class: "verified" }, icon(tick), el("span", {}, tn("verified", opened.members.size, { practice }))),
    el("p", { class: "soft" }, t("verified_key"), " ", el("code", { class: "mono", translate: "no" }, signer)),
    el("div", { class: "actions" },
      el("button", { type: "button", class: "button first", onclick: () => shelf.saveAll() }, t("save_all")),
      el("span", { class: "soft", id: "saving", role: "status" }, t("save_all_note", { size: size(opened.archive.size) }))),
    ...[notices(opened.manifest, shelf.often)].filter(Boolean),
    ...groups(list).map((group) => section(group, shelf)),
    el("div", { class: "end" },
      el("button", { type: "button", class: "button second", onclick: close }, t("close_records")),
      el("button", { type: "button", class: "button second", onclick: () => print() }, t("print_list"))));
}
