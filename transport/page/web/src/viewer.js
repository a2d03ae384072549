// The full-screen viewer: pictures, PDF files, radiographs and volumes.
import { $, el } from "./dom.js";
import { t } from "./i18n/index.js";
import { Pane } from "./pane.js";
import { bitmapFrame, frame, load } from "./pixels.js";
import { belongs, build, isVolume, stack } from "./volume.js";
import { full, table } from "./window.js";

const MiB = 1 << 20;
const presets = { bone: { center: 1000, width: 3500 }, soft: { center: 50, width: 400 } };
const pans = { ArrowUp: [0, -40], ArrowDown: [0, 40], ArrowLeft: [-40, 0], ArrowRight: [40, 0] };
const always = () => true;
const wide = () => innerWidth >= 720; // CSS pixels: room for several panes
let current = null;

// volumeLimit is the memory a volume may take: less on phones.
function volumeLimit() {
  const small = matchMedia("(pointer: coarse)").matches || (navigator.deviceMemory || 8) < 4;
  return (small ? 80 : 320) * MiB;
}

// toneOf is what an image's values mean: the rescaling (PS3.3 section C.11.1) and
// whether the lowest is white (section C.7.6.3.1.2).
function toneOf({ slope, intercept, photometric, samples }) {
  if (samples !== 1) return { slope: 1, intercept: 0, inverse: false };
  return { slope, intercept, inverse: photometric === "MONOCHROME1" };
}

class Viewer {
  constructor({ title, format, items, save }) {
    Object.assign(this, { title, format, items, save, panes: [], active: null, tool: "window", urls: [], open: true });
    this.dialog = $("viewer");
    this.body = el("div", { class: "v-body" });
    this.tools = el("div", { class: "v-tools", role: "toolbar", "aria-label": t("tools"), hidden: true });
    this.note = el("p", { class: "v-note", hidden: true });
    this.dialog.replaceChildren(this.head(), this.body, this.tools, this.note);
    this.onKey = (event) => this.key(event);
    this.dialog.addEventListener("keydown", this.onKey);
    this.onClose = () => this.closed();
    this.dialog.addEventListener("close", this.onClose);
  }

  head() {
    return el("div", { class: "v-top" },
      el("h2", { id: "viewer-title" }, this.title),
      el("div", {},
        el("button", { type: "button", class: "button second small", onclick: () => this.keep() }, t("save")),
        el("button", { type: "button", class: "button second small", autofocus: true, onclick: () => this.dialog.close() }, t("close_viewer"))));
  }

  message(text, ...more) {
    this.tools.hidden = this.note.hidden = true;
    this.body.replaceChildren(el("div", { class: "v-message", role: "status" }, el("p", {}, text), ...more));
  }

  refuse(key) {
    this.message(t(key), el("button", { type: "button", class: "button first", onclick: () => this.keep() }, t("save")));
  }

  keep() {
    return this.save().catch(() => this.message(t("save_failed")));
  }

  async start() {
    this.dialog.showModal();
    this.message(t("loading"));
    try {
      if (this.format === "pdf") await this.showPDF();
      else if (this.format === "dicom") await this.showDICOM();
      else await this.showPicture();
    } catch {
      if (this.open) this.refuse("cannot_show");
    }
  }

  async showPDF() {
    if (navigator.pdfViewerEnabled === false) {
      this.refuse("cannot_show_pdf");
      return;
    }
    const file = await this.items[0]();
    if (!this.open) return;
    const url = URL.createObjectURL(file);
    this.urls.push(url);
    this.body.replaceChildren(el("iframe", { src: url, title: this.title }));
  }

  async showPicture() {
    const picture = await bitmapFrame(await this.items[0]());
    this.setRange({ slope: 1, intercept: 0, inverse: false, stored: { center: 127.5 + 0.5, width: 256 }, whole: { center: 128, width: 256 } });
    this.layOut([{ name: "picture", count: 1, picture: () => picture }]);
  }

  async showDICOM() {
    const images = [];
    for (const item of this.items) {
      if (!this.open) return;
      images.push(await load(await item()));
      if (this.items.length > 1) this.progress(images.length, this.items.length * 2);
    }
    const geometry = stack(images);
    if (isVolume(images, geometry)) await this.showVolume(images[0], geometry);
    else await this.showStack(geometry, geometry.loose && belongs(images, geometry) ? t("no_volume") : "");
  }

  progress(n, total) {
    const words = t("loading_n", { n, total });
    const p = this.body.querySelector(".v-message p");
    if (p && (n % 10 === 0 || n === total)) p.textContent = words;
    return this.open;
  }

  async showStack({ list }, remark) {
    const read = async (n) => {
      const { image, index, spacing } = list[n];
      const [down, across] = spacing?.length === 2 ? spacing : [1, 1];
      return { ...await frame(image, index), spacing: [across || 1, down || 1], tone: toneOf(image) };
    };
    const middle = list.length >> 1;
    this.setRange(this.rangeOf(list[middle].image, await read(middle)));
    this.layOut([{ name: "picture", count: list.length, picture: read }], remark);
  }

  async showVolume(image, geometry) {
    const many = geometry.list.length;
    const done = this.items.length > 1 ? many : 0;
    const volume = await build(geometry, (f) => frame(f.image, f.index), volumeLimit(), (n) => this.progress(done + n, done + many));
    if (!volume) return;
    this.volume = volume;
    this.cross = volume.size.map((n) => n >> 1);
    const middle = volume.slice(volume.views[0], volume.views[0].count >> 1);
    this.setRange(this.rangeOf(image, middle));
    const views = volume.views.map((view) => ({ ...view, picture: this.reader(view, volume, geometry) }));
    this.layOut(views, volume.factor > 1 ? t("reduced") : "");
  }

  // reader cuts slices from the volume; where the volume was reduced, slices
  // as they were taken are read in full detail instead.
  reader(view, volume, { list, spacing }) {
    const asTaken = view.n.axis === 2 && view.h.axis === 0 && view.h.sign > 0 && view.v.sign > 0;
    if (volume.factor === 1 || !asTaken) return (n) => volume.slice(view, n);
    return async (n) => {
      const f = list[volume.layer(view.n, n)];
      return { ...await frame(f.image, f.index), spacing: spacing.slice(0, 2) };
    };
  }

  rangeOf(image, picture) {
    const { slope, intercept, inverse } = toneOf(image);
    if (picture.samples !== 1) return { slope: 1, intercept: 0, inverse: false, stored: { center: 128, width: 256 }, whole: { center: 128, width: 256 } };
    const whole = full(picture.data, slope, intercept, 0);
    const told = image.width > 0 && image.center !== null;
    const stored = told ? { center: image.center, width: image.width } : full(picture.data, slope, intercept, 0.005);
    return { slope, intercept, inverse, stored, whole, hounsfield: image.modality === "CT", guessed: !told || image.voi };
  }

  setRange(values) {
    this.values = values;
    this.window = { ...values.stored, invert: false };
    this.presetName = "auto";
  }

  // lut is the table that shows a picture: pictures of a stack may each mean
  // something else by their values.
  lut({ tone = this.values }) {
    const { slope, intercept, inverse } = tone;
    const key = `${slope} ${intercept} ${inverse}`;
    if (this.tableStale || this.tableKey !== key) {
      this.table = table({ ...this.window, invert: this.window.invert !== inverse }, slope, intercept, this.table);
      Object.assign(this, { tableStale: false, tableKey: key });
    }
    return this.table;
  }

  // layOut puts one pane per view on the screen; phones get one at a time.
  layOut(views, remark = "") {
    if (!this.open) return;
    this.panes = views.map((view) => new Pane(view, this));
    [this.active] = this.panes;
    this.grid = el("div", { class: "panes" });
    this.body.replaceChildren(this.grid);
    this.single = views.length > 1 && !wide() ? views[0].name : null;
    this.arrange();
    [this.tool] = this.choices().filter(([, fits]) => fits()).map(([name]) => name);
    this.drawTools();
    const many = views.some((view) => view.count > 1);
    this.note.replaceChildren(`${t("not_diagnostic")} ${remark} `, el("span", { class: "keys" }, t(many ? "keys_help" : "keys_single")));
    this.note.hidden = this.tools.hidden = false;
    this.panes.forEach((pane) => pane.go(pane.n));
  }

  arrange() {
    const shown = this.panes.filter((pane) => !this.single || pane.view.name === this.single);
    this.grid.className = shown.length === 3 ? "panes three" : "panes";
    this.grid.replaceChildren(...shown.map((pane) => pane.node));
    if (!shown.includes(this.active)) [this.active] = shown;
  }

  // choices are the tools that make sense for what is shown, each with whether it
  // fits the screen.
  choices() {
    const many = this.panes.some((pane) => pane.view.count > 1);
    return [this.volume && ["cross", wide], many && ["scroll", always], ["window", always], ["move", always]].filter(Boolean);
  }

  // button makes a button of the tool bar. Where pressed or fits are given, mark
  // keeps it as they say.
  button(label, run, pressed, fits = always) {
    const node = el("button", { type: "button", onclick: run }, label);
    if (pressed) this.marked.push({ node, pressed, fits });
    return node;
  }

  drawTools() {
    this.marked = [];
    const group = (label, ...buttons) => el("div", { class: "group", role: "group", "aria-label": label }, ...buttons);
    const pick = ([tool, fits]) => this.button(t(`tool_${tool}`), () => this.change({ tool }), () => this.tool === tool, fits);
    const show = (name, label, fits) => this.button(label, () => this.choose(name), () => this.single === name, fits);
    this.tools.replaceChildren(...[
      this.panes.length > 1 && group(t("picture"), ...this.panes.map((p) => show(p.view.name, t(p.view.name))), show(null, t("all_views"), wide)),
      group(t("tools"), ...this.choices().map(pick)),
      group(t("tool_window"), this.button(t("darker"), () => this.adjust(-10, 0)), this.button(t("brighter"), () => this.adjust(10, 0)),
        this.button(t("less_contrast"), () => this.adjust(0, 10)), this.button(t("more_contrast"), () => this.adjust(0, -10))),
      group(t("tool_move"), this.button(t("zoom_out"), () => this.active.enlarge(0.8)), this.button(t("zoom_in"), () => this.active.enlarge(1.25))),
      this.presetList(),
      group(t("reset"), this.button(t("invert"), () => this.invert(), () => this.window.invert), this.button(t("reset"), () => this.reset())),
    ].filter(Boolean));
    this.mark();
  }

  // mark shows in the tool bar what is chosen. It changes the buttons in place: the
  // one that was pressed keeps the focus.
  mark() {
    for (const { node, pressed, fits } of this.marked) {
      node.setAttribute("aria-pressed", String(pressed()));
      node.hidden = !fits();
    }
    this.preset.value = this.presetName;
    this.preset.querySelector("[value=own]").hidden = this.presetName !== "own";
  }

  // presetList offers the windows; "own" stands for one that was set by hand.
  presetList() {
    const names = ["auto", "full", ...(this.values.hounsfield ? ["bone", "soft"] : []), "own"];
    this.preset = el("select", { "aria-label": t("preset"), onchange: (e) => this.usePreset(e.target.value) },
      ...names.map((name) => el("option", { value: name }, t(name === "auto" && this.values.guessed ? "preset_guessed" : `preset_${name}`))));
    return this.preset;
  }

  usePreset(name) {
    const window = { auto: this.values.stored, full: this.values.whole, ...presets }[name];
    if (!window) return;
    this.presetName = name;
    Object.assign(this.window, window);
    this.redraw();
    this.mark();
  }

  change(values) {
    Object.assign(this, values);
    this.mark();
  }

  choose(name) {
    this.single = name;
    this.arrange();
    this.mark();
    this.panes.forEach((pane) => pane.draw());
  }

  redraw() {
    this.tableStale = true;
    for (const pane of this.panes) {
      pane.stale = true;
      pane.draw();
    }
  }

  // adjust makes the picture brighter and changes its contrast, in hundredths
  // of the picture's own window.
  adjust(brighter, wider) {
    const unit = this.values.stored.width / 250;
    const sign = this.window.invert !== this.values.inverse ? -1 : 1;
    this.window.center -= brighter * unit * sign;
    this.window.width = Math.max(unit, this.window.width + wider * unit);
    this.presetName = "own";
    this.redraw();
    this.mark();
  }

  invert() {
    this.window.invert = !this.window.invert;
    this.redraw();
    this.mark();
  }

  reset() {
    this.setRange(this.values);
    this.redraw();
    this.panes.forEach((pane) => pane.reset());
    this.mark();
  }

  // crossOf is where the other planes cut a view, in its picture's pixels.
  crossOf({ h, v }) {
    if (!this.volume || this.single && !wide()) return null;
    const along = (a) => (a.sign < 0 ? this.volume.size[a.axis] - 1 - this.cross[a.axis] : this.cross[a.axis]);
    const full = this.panes.find((p) => p.view.h === h)?.picture;
    const scale = full ? full.columns / this.volume.size[h.axis] : 1;
    return [along(h) * scale, along(v) * scale];
  }

  // point moves the crossing of the planes to a pixel of a view.
  point({ h, v }, [x, y]) {
    if (!this.volume) return;
    const scale = this.panes.find((p) => p.view.h === h).picture.columns / this.volume.size[h.axis];
    for (const [a, at] of [[h, x], [v, y]]) {
      const last = this.volume.size[a.axis] - 1;
      const n = Math.min(last, Math.max(0, Math.floor(at / scale)));
      this.cross[a.axis] = a.sign < 0 ? last - n : n;
    }
    for (const pane of this.panes) {
      const { n } = pane.view;
      pane.go(this.volume.layer(n, this.cross[n.axis]));
    }
  }

  // moved is told by a pane that it shows another slice.
  moved(pane) {
    if (!this.volume) return;
    const { n } = pane.view;
    const layer = this.volume.layer(n, pane.n);
    if (this.cross[n.axis] === layer) return;
    this.cross[n.axis] = layer;
    this.panes.forEach((other) => other !== pane && other.draw());
  }

  key(event) {
    if (!this.active || event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
    const slider = event.target.type === "range";
    const steps = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 };
    const run = {
      "+": () => this.active.enlarge(1.25), "=": () => this.active.enlarge(1.25), "-": () => this.active.enlarge(0.8),
      b: () => this.adjust(10, 0), d: () => this.adjust(-10, 0), c: () => this.adjust(0, -10), x: () => this.adjust(0, 10),
      i: () => this.invert(), 0: () => this.reset(),
    }[event.key.toLowerCase()];
    const pan = event.shiftKey && pans[event.key];
    if (run) run();
    else if (pan) this.active.pan(...pan);
    else if (steps[event.key] && !slider) this.active.go(this.active.n + steps[event.key]);
    else return;
    event.preventDefault();
  }

  // closed is told by the dialog, and late: what shows by then is another viewer's.
  closed() {
    if (!this.dialog.open) this.close();
  }

  close() {
    if (!this.open) return;
    this.open = false;
    this.dialog.removeEventListener("keydown", this.onKey);
    this.dialog.removeEventListener("close", this.onClose);
    this.panes.forEach((pane) => pane.close());
    this.urls.forEach((url) => URL.revokeObjectURL(url));
    Object.assign(this, { panes: [], active: null, volume: null });
    this.dialog.replaceChildren();
    if (current === this) current = null;
  }
}

export function openViewer(what) {
  closeViewer();
  current = new Viewer(what);
  current.start();
}

export function closeViewer() {
  current?.dialog.close();
  current?.close();
}
