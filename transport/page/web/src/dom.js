// Building and filling page elements. Text only ever becomes text nodes.
import { t } from "./i18n/index.js";

export const $ = (id) => document.getElementById(id);

// el makes an element; props starting with "on" are listeners, others are
// attributes; false and null leave an attribute out.
export function el(name, props = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((c) => c != null && c !== false));
  return node;
}

const svgNS = "http://www.w3.org/2000/svg";

export function icon(path) {
  const svg = document.createElementNS(svgNS, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS(svgNS, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}

// translate fills every element that names a sentence.
export function translate(root, values) {
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t, values);
  for (const node of root.querySelectorAll("[data-t-placeholder]")) node.setAttribute("placeholder", t(node.dataset.tPlaceholder, values));
}

// show makes one of several sections visible.
export function show(id, among) {
  for (const other of among) $(other).hidden = other !== id;
}

// offer lets the browser save a Blob under a name.
export function offer(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10 * 60 * 1000);
}
