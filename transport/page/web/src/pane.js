// One view on a canvas: slices, zoom, moving, and the gestures for them.
import { el } from "./dom.js";
import { t } from "./i18n/index.js";
import { paint } from "./window.js";

const clamp = (v, low, high) => Math.min(high, Math.max(low, v));

export class Pane {
  // view: {name, count, picture(n) → picture or promise, marks}; owner is the
  // viewer that shares window, tool and cross lines between panes.
  constructor(view, owner) {
    Object.assign(this, { view, owner, n: view.count >> 1, zoom: 1, x: 0, y: 0, pointers: new Map(), sheet: document.createElement("canvas") });
    this.canvas = el("canvas", { role: "img" });
    this.label = el("p", { class: "name" });
    this.flaw = el("p", { class: "flaw", role: "status" });
    this.well = el("div", { class: "well", tabindex: "0", role: "group" }, this.canvas, this.label, this.flaw);
    this.slider = view.count < 2 ? null : el("input", {
      type: "range", min: 0, max: view.count - 1, value: this.n, "aria-label": t("slice_label", { view: t(view.name) }), oninput: (e) => this.go(+e.target.value),
    });
    this.node = el("div", { class: "pane" }, this.well, this.slider);
    this.listen();
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.well);
  }

  listen() {
    const c = this.canvas;
    c.addEventListener("pointerdown", (e) => this.down(e));
    c.addEventListener("pointermove", (e) => this.move(e));
    c.addEventListener("pointerup", (e) => this.up(e));
    c.addEventListener("pointercancel", (e) => this.pointers.delete(e.pointerId));
    c.addEventListener("wheel", (e) => this.wheel(e), { passive: false });
    c.addEventListener("contextmenu", (e) => e.preventDefault());
    this.well.addEventListener("focus", () => { this.owner.active = this; });
  }

  // go shows slice n. Of one that cannot be read it says so, in place of whatever was
  // shown before.
  async go(n) {
    this.n = clamp(n, 0, this.view.count - 1);
    const wanted = this.n;
    let picture = null;
    try {
      picture = await this.view.picture(wanted);
    } catch { /* damaged */ }
    if (this.n !== wanted) return;
    this.picture = picture;
    this.flaw.textContent = picture ? "" : t("damaged_picture");
    this.stale = true;
    if (this.slider) this.slider.value = wanted;
    const name = t(this.view.name);
    this.label.textContent = this.view.count > 1 ? t("slice_of", { view: name, n: wanted + 1, total: this.view.count }) : "";
    this.canvas.setAttribute("aria-label", this.label.textContent || name);
    this.well.setAttribute("aria-label", name);
    this.slider?.setAttribute("aria-valuetext", this.label.textContent);
    this.draw();
    this.owner.moved?.(this);
  }

  // scale is the size on screen, in canvas pixels, of one picture pixel.
  scale() {
    const [sx, sy] = this.picture.spacing || [1, 1];
    const { columns, rows } = this.picture;
    const fit = Math.min(this.canvas.width / (columns * sx), this.canvas.height / (rows * sy)) * this.zoom;
    return [fit * sx, fit * sy];
  }

  draw() {
    const ratio = devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.well;
    const [width, height] = [Math.max(1, Math.round(clientWidth * ratio)), Math.max(1, Math.round(clientHeight * ratio))];
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    if (!this.picture) return;
    if (this.stale) this.develop();
    const { columns, rows } = this.picture;
    const [ax, ay] = this.scale();
    this.left = width / 2 + this.x * ratio - columns * ax / 2;
    this.top = height / 2 + this.y * ratio - rows * ay / 2;
    context.imageSmoothingQuality = "high";
    context.imageSmoothingEnabled = ax < 4;
    context.drawImage(this.sheet, this.left, this.top, columns * ax, rows * ay);
    this.drawCross(context, ax, ay, ratio);
    this.drawMarks(context, width, height, ratio);
  }

  // develop turns stored values into a picture with the current window.
  develop() {
    const { columns, rows } = this.picture;
    Object.assign(this.sheet, { width: columns, height: rows });
    const context = this.sheet.getContext("2d");
    const image = context.createImageData(columns, rows);
    paint(this.picture, this.owner.lut(this.picture), image.data);
    context.putImageData(image, 0, 0);
    this.stale = false;
  }

  drawCross(context, ax, ay, ratio) {
    const cross = this.owner.crossOf?.(this.view);
    if (!cross) return;
    context.strokeStyle = "rgb(143 216 205 / 65%)";
    context.lineWidth = ratio;
    context.beginPath();
    const x = this.left + (cross[0] + 0.5) * ax;
    const y = this.top + (cross[1] + 0.5) * ay;
    context.moveTo(x, 0);
    context.lineTo(x, context.canvas.height);
    context.moveTo(0, y);
    context.lineTo(context.canvas.width, y);
    context.stroke();
  }

  drawMarks(context, width, height, ratio) {
    const { marks } = this.view;
    if (!marks) return;
    context.font = `${15 * ratio}px system-ui, sans-serif`;
    context.fillStyle = "#e9c46a";
    context.strokeStyle = "#0c1112"; // an outline, for pictures may be white
    context.lineWidth = 4 * ratio;
    context.lineJoin = "round";
    context.textAlign = "center";
    context.textBaseline = "middle";
    const edge = 14 * ratio;
    const top = width < 420 * ratio ? 44 * ratio : edge; // below the name
    const places = { left: [edge, height / 2], right: [width - edge, height / 2], top: [width / 2, top], bottom: [width / 2, height - edge] };
    for (const [side, [x, y]] of Object.entries(places)) {
      const text = t(`mark_${marks[side]}`);
      context.strokeText(text, x, y);
      context.fillText(text, x, y);
    }
  }

  // at is the picture pixel under a pointer.
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const ratio = this.canvas.width / box.width;
    const [ax, ay] = this.scale();
    return [Math.floor(((event.clientX - box.left) * ratio - this.left) / ax), Math.floor(((event.clientY - box.top) * ratio - this.top) / ay)];
  }

  down(event) {
    this.owner.active = this;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    this.moved = this.pointers.size > 1 ? Infinity : 0;
    if (this.pointers.size === 1 && this.tool(event) === "cross") this.point(event);
  }

  // up ends a gesture. Where dragging moves the picture, a click brings what was
  // clicked to the middle, for those who cannot drag (WCAG 2.2, criterion 2.5.7).
  up(event) {
    this.pointers.delete(event.pointerId);
    if (this.owner.tool !== "move" || this.moved > 4) return;
    const box = this.canvas.getBoundingClientRect();
    this.pan(box.left + box.width / 2 - event.clientX, box.top + box.height / 2 - event.clientY);
  }

  tool(event) {
    if (event.buttons === 2) return "window";
    return event.buttons === 4 ? "move" : this.owner.tool;
  }

  move(event) {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const [dx, dy] = [event.clientX - last[0], event.clientY - last[1]];
    const before = this.spread();
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    this.moved += Math.hypot(dx, dy);
    if (this.pointers.size > 1) {
      this.pan(dx / 2, dy / 2);
      this.enlarge(this.spread() / before);
      return;
    }
    const tool = this.tool(event);
    if (tool === "window") this.owner.adjust(-dy, dx);
    else if (tool === "move") this.pan(dx, dy);
    else if (tool === "scroll") this.scroll(dy);
    else this.point(event);
  }

  point(event) {
    if (this.picture) this.owner.point(this.view, this.at(event));
  }

  // scroll turns a drag into slices: the whole height is the whole stack, but
  // never less than four points a slice.
  scroll(dy) {
    this.drag = (this.drag || 0) + dy;
    const step = Math.max(4, this.well.clientHeight / this.view.count);
    const n = Math.trunc(this.drag / step);
    this.drag -= n * step;
    if (n) this.go(this.n + n);
  }

  // spread is the distance of two fingers.
  spread() {
    const [a, b] = [...this.pointers.values()];
    return b ? Math.max(1, Math.hypot(a[0] - b[0], a[1] - b[1])) : 1;
  }

  wheel(event) {
    event.preventDefault();
    if (event.ctrlKey || this.view.count === 1) this.enlarge(Math.exp(-event.deltaY / 400));
    else this.go(this.n + Math.sign(event.deltaY));
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.draw();
  }

  enlarge(factor) {
    const zoom = clamp(this.zoom * factor, 0.5, 24);
    this.x *= zoom / this.zoom;
    this.y *= zoom / this.zoom;
    this.zoom = zoom;
    this.draw();
  }

  reset() {
    Object.assign(this, { zoom: 1, x: 0, y: 0, stale: true });
    this.draw();
  }

  close() {
    this.observer.disconnect();
  }
}
