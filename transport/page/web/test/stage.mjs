// What the browser tests share: the browser and the store, a bundle, and the
// steps of a recipient.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as make from "./bundle.mjs";
import { inDays, launch, practice, render } from "./browser.mjs";
import { records } from "./sample.mjs";
import { startServer } from "./server.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const folder = mkdtempSync(join(tmpdir(), "page-test-"));
export const signer = make.signer();
let shared;

// setup starts the browser and the store once, and makes the usual bundle.
export function setup() {
  shared ??= prepare();
  return shared;
}

async function prepare() {
  const [server, browser] = [await startServer(), await launch()];
  const jpeg = await photograph(browser);
  const list = records({ jpeg, size: 48, count: 24 });
  const zip = make.archive(list, signer);
  return { server, browser, jpeg, list, zip, sealed: await make.seal(zip) };
}

export async function close() {
  const { server, browser } = await shared?.catch(() => null) || {};
  await browser?.close();
  server?.close();
}

// photograph has the browser make a JPEG.
async function photograph(browser) {
  const page = await browser.newPage();
  const url = await page.evaluate(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 200, height: 120 });
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff";
    context.fillRect(50, 30, 100, 60);
    return canvas.toDataURL("image/jpeg");
  });
  await page.close();
  return Buffer.from(url.split(",")[1], "base64");
}

let number = 0;

// serial tells names apart.
export const serial = () => ++number;

// headOf is how a sealed file begins, as a practice tells its page.
function headOf(sealed) {
  if (!sealed) return {};
  const head = sealed.subarray(0, sealed.indexOf("\n", sealed.indexOf("\n---") + 1) + 1);
  return { Bytes: head.length, SHA256: createHash("sha256").update(head).digest("hex") };
}

// publish uploads a bundle and its page, and returns what opening needs.
export async function publish(sealed, options = {}) {
  const { server } = await setup();
  const { object = {}, host = "127.0.0.1", data = {} } = options;
  const name = `r${++number}`;
  const base = `http://${host}:${server.port}/bucket/${name}`;
  if (sealed || object.status || object.data) server.objects.set(`/bucket/${name}.zip.age`, { data: sealed, ...object });
  const filled = {
    Practice: practice, Reference: "k3v9q2m7x4ba", Bytes: (options.bytes ?? sealed?.length) || 1000, Expires: inDays(6), Unlock: "passphrase",
    Head: headOf(options.of ?? sealed), SignerKey: signer.publicKey, BundleURL: `${base}.zip.age?X-Amz-Signature=0123abcd`, FileName: `${name}.zip.age`, ...data,
  };
  const html = render(filled);
  server.objects.set(`/bucket/${name}.html`, { data: html, type: "text/html; charset=utf-8" });
  return { url: `${base}.html`, html, name };
}

const left = new Set();

// leave closes the windows that a failed test has left open: what goes on in them would
// disturb the next.
export async function leave() {
  for (const context of left) await context.close().catch(() => {});
  left.clear();
}

// visit opens the page in a fresh profile and notes what must not happen:
// script errors, refusals by the content security policy, requests elsewhere. Without
// reduced motion a press may be lost: the page glides away under the mouse.
export async function visit(url, options = {}) {
  const { browser, server } = await setup();
  const context = options.context || await browser.newContext({ viewport: { width: 1100, height: 900 }, acceptDownloads: true, reducedMotion: "reduce", ...options });
  left.add(context);
  context.setDefaultTimeout(180_000);
  if (options.init) await context.addInitScript(options.init);
  const page = await context.newPage();
  const bad = [];
  page.on("pageerror", (err) => bad.push(`error: ${err.message}`));
  page.on("console", (m) => (/Content Security|Trusted|violat/i.test(m.text()) ? bad.push(m.text()) : null));
  context.on("request", (r) => {
    const { protocol, port } = new URL(r.url());
    const mine = ["blob:", "data:", "chrome-extension:", "chrome:", "file:"].includes(protocol) || port === String(server.port);
    if (!mine) bad.push(`request: ${r.url()}`);
  });
  await page.goto(url);
  return { page, context, bad, done: async () => { await context.close(); assert.deepEqual(bad, []); } };
}

export const enter = async (page, typed = "Crop unlit — mossy dingo relax SALUTE") => {
  await page.fill("#words", typed);
  await page.click("#open");
};
export const opened = (page, timeout = 600_000) => page.waitForSelector("#records-title", { timeout });

// refused waits for a fault and returns its title, making sure that nothing is
// shown and nothing kept.
export async function refused(page) {
  await page.waitForSelector("#fault:not([hidden])", { timeout: 600_000 });
  assert.equal(await page.locator("#records").isVisible(), false);
  assert.equal(await page.locator("#records li").count(), 0);
  assert.deepEqual(await kept(page), []);
  return page.locator("#fault h1").textContent();
}

// kept lists what lies in the page's private storage.
export const kept = (page) => page.evaluate(async () => {
  try {
    const root = await navigator.storage.getDirectory();
    const names = [];
    for await (const name of (await root.getDirectoryHandle("chartseal")).keys()) names.push(name);
    return names;
  } catch {
    return [];
  }
});

// written is how much plaintext lies in the store.
export const written = (page) => page.evaluate(async () => {
  const dir = await (await navigator.storage.getDirectory()).getDirectoryHandle("chartseal", { create: true });
  let sum = 0;
  for await (const file of dir.values()) sum += (await file.getFile()).size;
  return sum;
});

export async function saved(page, name) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
  return { name: download.suggestedFilename(), data: readFileSync(await download.path()) };
}

export async function violations(page) {
  await page.evaluate(axe);
  const { violations: list } = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  return list.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`);
}

// lit counts the bright pixels of a canvas.
export const lit = (page, n = 0) => page.evaluate((i) => {
  const canvas = document.querySelectorAll(".pane canvas")[i];
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let p = 0; p < data.length; p += 4) if (data[p] > 100) count++;
  return count;
}, n);

// pdfShown is the address of the PDF file that the viewer shows, or what it says instead.
export async function pdfShown(page) {
  const shown = await page.waitForSelector("dialog iframe, .v-message button");
  return await shown.getAttribute("src") ?? page.locator(".v-message").innerText();
}

export async function view(page, name) {
  await page.getByRole("button", { name }).click();
  await page.waitForSelector(".pane canvas[aria-label]");
  await page.waitForTimeout(150);
}
