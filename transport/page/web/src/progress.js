// The progress panel: step, bar, how much and how long.
import { $ } from "./dom.js";
import { duration, percent, size, t } from "./i18n/index.js";

const words = { connect: "step_connect", unlock: "step_unlock", fetch: "step_fetch", read: "step_read", wait: "step_wait", check: "step_check" };
let current = null;
let began = 0;
let from = 0; // the share that was done then
let announced = -1;

export function draw() {
  if (!current) return;
  const { step, done = 0, total = 0 } = current;
  const bar = $("bar");
  const label = t(words[step]);
  $("step").textContent = label;
  if (!total) {
    bar.removeAttribute("value");
    $("bar-text").textContent = $("bar-left").textContent = "";
    return;
  }
  const share = Math.min(1, done / total);
  bar.value = share;
  $("bar-text").textContent = t("progress", { percent: percent(share), done: size(done), total: size(total) });
  $("bar-left").textContent = left(share);
  const quarter = Math.floor(share * 4);
  if (quarter !== announced) $("announce").textContent = `${label} ${percent(quarter / 4)}`;
  announced = quarter;
}

function left(share) {
  const seconds = (performance.now() - began) / 1000;
  const fresh = share - from;
  if (seconds < 3 || fresh < 0.02 || share === 1) return "";
  return t("left", { time: duration(seconds / fresh * (1 - share)) });
}

export function update(message) {
  if (!current || current.step !== message.step) {
    began = performance.now();
    from = message.total ? Math.min(1, message.done / message.total) : 0;
    announced = -1;
    if (!message.total) $("announce").textContent = t(words[message.step]);
  }
  current = message;
  draw();
}

export function reset() {
  current = null;
}
