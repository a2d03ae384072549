// The page: who sent it, unlocking, progress, errors, and what opens.
import { $, el, show, translate } from "./dom.js";
import { choose, language, languages, moment, relative, size, t, tn, use } from "./i18n/index.js";
import { identities, maxKeyFile } from "./keyfile.js";
import { normalise, unknown, wordCount, words } from "./passphrase.js";
import * as progress from "./progress.js";
import { render } from "./records.js";
import { Session } from "./session.js";
import { sweep } from "./store.js";
import { closeViewer } from "./viewer.js";

const data = JSON.parse($("data").textContent);
const expires = data.expires ? new Date(data.expires) : null;
const panels = ["welcome", "working", "records"];
const largeForPhones = 200e6; // bytes
const wordFaults = ["wrong_passphrase", "too_few_words"];
const values = { practice: data.practice, phone: data.contact.phone, file: data.file };
const state = { way: data.unlock === "key" ? "key" : "words", saved: null, keyText: "", session: null, opened: null, fault: null, left: false };

// past says that the link has ended by this device's clock, which may be wrong: the
// store has the last word.
const past = () => Boolean(data.url && expires && expires < new Date());

const hasPhone = () => Boolean(data.contact.phone);
const phoneHref = () => `tel:${data.contact.phone.replace(/[^+\d]/g, "")}`;
const phoneLink = () => el("a", { href: phoneHref() }, t("call", values));
const mailLink = () => el("a", { href: `mailto:${data.contact.email}` }, data.contact.email);

function drawFacts() {
  $("brand").textContent = $("fact-practice").textContent = data.practice;
  $("fact-address").textContent = data.address;
  const now = new Date();
  $("fact-until-row").hidden = !expires;
  if (expires) {
    const date = moment(expires);
    $("fact-until").textContent = expires < now ? t("until_past", { date }) : t("until_relative", { date, relative: relative(expires, now) });
  }
  $("fact-size").textContent = size(data.bytes);
  const heavy = data.bytes > largeForPhones && matchMedia("(pointer: coarse)").matches;
  $("fact-large").textContent = heavy ? t("large") : "";
  $("fact-reference").textContent = data.reference;
  const lines = [data.contact.name, hasPhone() && phoneLink(), data.contact.email && mailLink()].filter(Boolean);
  $("fact-contact").replaceChildren(...lines.flatMap((line, i) => (i ? [el("br"), line] : [line])));
  $("foot-phone").textContent = data.contact.phone;
}

function drawWay() {
  const byKey = state.way === "key";
  $("way-words").hidden = byKey;
  $("way-key").hidden = !byKey;
  $("other-way").textContent = t(byKey ? "other_way_words" : "other_way_key");
  $("key-chosen").textContent = state.keyName ? t("key_chosen", { file: state.keyName }) : "";
  $("saved-chosen").hidden = !state.saved;
  $("saved-chosen").replaceChildren(...(state.saved ? [t("saved_chosen", { file: state.saved.name })] : []));
  if (state.saved && data.url) $("saved-chosen").append(" ", el("button", { type: "button", class: "quiet", onclick: () => pickSaved(null) }, t("saved_clear")));
  countWords();
}

function drawExpert() {
  const key = data.unlock === "key" ? " -i key.txt" : "";
  const name = data.file || "records.zip.age";
  $("expert-command").textContent = `age -d${key} -o records.zip ${name}\nminisign -Vm manifest.json -P ${data.signer}`;
  $("expert-key").textContent = data.signer;
  $("expert-save-row").hidden = !data.url;
  if (data.url) Object.assign($("expert-save"), { href: data.url, download: name });
}

function drawLanguages() {
  $("languages").setAttribute("aria-label", t("language"));
  $("languages").replaceChildren(...languages.map((l) => el("button", {
    type: "button", lang: l.code, "aria-pressed": String(l === language()), onclick: () => switchLanguage(l.code),
  }, l.name)));
}

function draw() {
  const { code, dir } = language();
  Object.assign(document.documentElement, { lang: code, dir });
  document.title = t("title", values);
  translate(document, values);
  drawLanguages();
  drawFacts();
  drawWay();
  drawExpert();
  drawHide();
  progress.draw();
  if (!data.url) $("saved-text").textContent = t("saved_only");
  if (state.fault) drawFault(state.fault);
  if (state.opened) drawRecords();
  if (!$("closed").hidden) drawClosed();
}

function switchLanguage(code) {
  use(code);
  remember("chartseal.language", code);
  draw();
  $("languages").querySelector("[aria-pressed=true]").focus();
}

// remember and recall keep the language over a reload, where allowed.
function remember(key, value) {
  try { localStorage.setItem(key, value); } catch { /* private windows */ }
}

function recall(key) {
  try { return localStorage.getItem(key); } catch { return null; }
}

function countWords() {
  const n = words($("words").value).length;
  const ready = n === wordCount;
  $("words-count").textContent = n === 0 ? "" : ready ? t("words_six") : tn("words_count", n);
  $("words-count").classList.toggle("ready", ready);
}

function drawHide() {
  const hidden = $("words").classList.contains("hide");
  $("words-hide").textContent = t(hidden ? "show" : "hide");
}

function toggleHide() {
  $("words").classList.toggle("hide");
  drawHide();
}

// misspelt points at the words that cannot be right. It names their places only: the
// words may be hidden.
function misspelt() {
  const places = unknown(words($("words").value));
  return places.length ? tn("unknown_words", places.length, { places: places.join(", ") }) : "";
}

// callForHelp is a sentence with the number to touch.
function callForHelp() {
  if (!hasPhone()) return [];
  const [before, after] = t("call_for_help", values).split(data.contact.phone);
  return [before, el("a", { href: phoneHref() }, data.contact.phone), after];
}

function drawFault(code) {
  const ended = (code === "past" || code === "expired") && past() ? [t("worked_until", { date: moment(expires) }), " "] : [];
  $("fault").replaceChildren(
    el("h1", {}, t(`${code}_title`, values)),
    el("p", {}, ...ended, t(code, values), ...(code === "wrong_passphrase" ? [" ", misspelt()] : [])),
    el("p", {}, t(code === "past" ? "past_try" : state.left ? "shown_left" : "nothing_shown"), " ", ...callForHelp()));
}

function showFault(code) {
  state.fault = code;
  drawFault(code);
  $("fault").hidden = false;
  if (["past", "expired", "refused", "from_disk"].includes(code)) $("saved").open = true;
  if (code === "needs_key") state.way = "key";
  if (code === "needs_passphrase") state.way = "words";
  if (code === "ssh_key" || code === "protected_key") $("expert").open = true;
  drawWay();
  $("words").setAttribute("aria-invalid", String(wordFaults.includes(code)));
  $("fault").focus();
  $("fault").scrollIntoView({ block: "start" });
}

function clearFault() {
  Object.assign(state, { fault: null, left: false });
  $("fault").hidden = true;
  $("words").removeAttribute("aria-invalid");
  $("closed").hidden = true;
}

function stop(code) {
  throw Object.assign(new Error(code), { code });
}

// collectSecret reads what the recipient entered; it throws what is missing.
function collectSecret() {
  if (state.way === "key") {
    const text = state.keyText || $("key-text").value;
    if (!text.trim()) stop("no_key");
    return { keys: identities(text) };
  }
  if (words($("words").value).length < wordCount) stop("too_few_words");
  return { passphrase: normalise($("words").value) };
}

function request() {
  const secret = collectSecret();
  if (!state.saved && !data.url) stop("no_file");
  const source = state.saved ? { file: state.saved } : { url: data.url };
  return { source, secret, expect: { bytes: data.bytes, signer: data.signer, reference: data.reference, head: data.head } };
}

async function open(event) {
  event.preventDefault();
  clearFault();
  let asked;
  try {
    asked = request();
  } catch (err) {
    showFault(err.code || "unexpected");
    return;
  }
  show("working", panels);
  progress.update({ step: "connect" });
  $("working-title").focus();
  scrollTo(0, 0);
  const session = new Session();
  state.session = session;
  try {
    const opened = await session.open(asked, (message) => progress.update(named(message)));
    if (state.session === session) opening(opened);
  } catch (err) {
    const gone = await session.close();
    if (state.session === session) failing(err, gone);
  }
}

const named = (message) => (message.step === "fetch" && state.saved ? { ...message, step: "read" } : message);

function opening(opened) {
  progress.reset();
  state.opened = opened;
  forget();
  drawRecords();
  show("records", panels);
  $("records-title").focus();
  scrollTo(0, 0);
}

function failing(err, gone) {
  progress.reset();
  Object.assign(state, { session: null, left: !gone });
  show("welcome", panels);
  if (err.code === "offline" && location.protocol === "file:") showFault("from_disk");
  else if (err.code === "refused" && past()) showFault("expired"); // not every store says why
  else showFault(err.code || "unexpected");
}

// forget drops the secret once it has done its work.
function forget() {
  $("words").value = $("key-text").value = $("key-file").value = "";
  state.keyText = state.keyName = "";
}

function drawRecords() {
  const name = (data.file || `${data.reference}.zip`).replace(/\.age$/i, "");
  render(state.opened, { practice: data.practice, phone: data.contact.phone, signer: data.signer, archiveName: /\.zip$/i.test(name) ? name : `${name}.zip`, close: closeRecords });
}

function drawClosed() {
  $("closed").textContent = t(state.left ? "closed_left" : "closed");
}

async function closeRecords() {
  const { session } = state;
  Object.assign(state, { session: null, opened: null });
  closeViewer();
  $("records").replaceChildren();
  state.left = Boolean(session) && !await session.close();
  show("welcome", panels);
  drawWay();
  drawClosed();
  $("closed").hidden = false;
  $("closed").focus();
  scrollTo(0, 0);
}

async function cancel() {
  const { session } = state;
  if (!session) return;
  state.session = null;
  state.left = !await session.close();
  progress.reset();
  show("welcome", panels);
  drawWay();
  drawClosed();
  $("closed").hidden = !state.left;
  $(state.left ? "closed" : "open").focus();
}

function pickSaved(file) {
  state.saved = file;
  if (!file) $("saved-file").value = "";
  drawWay();
  if (file) $(state.way === "words" ? "words" : "key-file").focus();
}

async function pickKey(file) {
  if (!file) return;
  state.keyText = file.size <= maxKeyFile ? await file.text() : "-";
  state.keyName = file.name;
  drawWay();
  $("open").focus();
}

function dropZone(node, take) {
  const mark = (on) => (event) => { event.preventDefault(); node.classList.toggle("over", on); };
  node.addEventListener("dragover", mark(true));
  node.addEventListener("dragleave", mark(false));
  node.addEventListener("drop", (event) => {
    mark(false)(event);
    event.stopPropagation();
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
}

// Anywhere else on the page a dropped file is judged by its name, and never
// opened by the browser in place of the page.
function dropAnywhere(event) {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (!file || $("welcome").hidden) return;
  if (/\.age$/i.test(file.name)) pickSaved(file);
  else if (state.way === "key") pickKey(file);
}

function missing() {
  if (window.top !== window.self) return "framed";
  const needed = [globalThis.ReadableStream, globalThis.TransformStream, globalThis.DecompressionStream, globalThis.HTMLDialogElement, globalThis.Worker];
  return needed.every(Boolean) ? null : "too_old";
}

function listen() {
  $("unlock").addEventListener("submit", open);
  $("cancel").addEventListener("click", cancel);
  $("words").addEventListener("input", countWords);
  $("words").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    $("unlock").requestSubmit();
  });
  $("words-hide").addEventListener("click", toggleHide);
  $("other-way").addEventListener("click", () => { state.way = state.way === "key" ? "words" : "key"; drawWay(); });
  $("key-file").addEventListener("change", (event) => pickKey(event.target.files[0]));
  $("saved-file").addEventListener("change", (event) => pickSaved(event.target.files[0] || null));
  dropZone($("key-drop"), pickKey);
  dropZone($("saved-drop"), pickSaved);
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", dropAnywhere);
  addEventListener("pagehide", () => state.session?.abandon());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

function start() {
  choose([recall("chartseal.language"), ...(navigator.languages || [])].filter(Boolean));
  listen();
  if (!data.url) $("saved").open = true;
  draw();
  const problem = missing();
  if (problem) {
    showFault(problem);
    return;
  }
  show("welcome", panels);
  if (past()) showFault("past");
  sweep();
}

start();
