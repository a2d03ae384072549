// The page in a browser: Chromium opens what a release uploads.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from "age-encryption";
import * as make from "./bundle.mjs";
import * as d from "./dicomfile.mjs";
import { inDays, launch, practice, render } from "./browser.mjs";
import { random, test } from "./harness.mjs";
import { records } from "./sample.mjs";
import { startServer } from "./server.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "page-test-"));
const signer = make.signer();
let shared;

// setup starts the browser and the store once, and makes the usual bundle.
async function setup() {
  if (shared) return shared;
  const [server, browser] = [await startServer(), await launch()];
  const jpeg = await photograph(browser);
  const list = records({ jpeg, size: 48, count: 24 });
  const zip = make.archive(list, signer);
  shared = { server, browser, jpeg, list, zip, sealed: await make.seal(zip) };
  return shared;
}

export async function close() {
  await shared?.browser.close();
  shared?.server.close();
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

// publish uploads a bundle and its page, and returns what opening needs.
async function publish(sealed, options = {}) {
  const { server } = await setup();
  const { object = {}, host = "127.0.0.1", data = {} } = options;
  const name = `r${++number}`;
  const base = `http://${host}:${server.port}/bucket/${name}`;
  if (sealed || object.status) server.objects.set(`/bucket/${name}.zip.age`, { data: sealed, ...object });
  const filled = {
    Practice: practice, Reference: "k3v9q2m7x4ba", Bytes: (options.bytes ?? sealed?.length) || 1000, Expires: inDays(6), Unlock: "passphrase",
    SignerKey: signer.publicKey, BundleURL: `${base}.zip.age?X-Amz-Signature=0123abcd`, FileName: `${name}.zip.age`, ...data,
  };
  const html = render(filled);
  server.objects.set(`/bucket/${name}.html`, { data: html, type: "text/html; charset=utf-8" });
  return { url: `${base}.html`, html, name };
}

// visit opens the page in a fresh profile and notes what must not happen:
// script errors, refusals by the content security policy, requests elsewhere.
async function visit(url, options = {}) {
  const { browser, server } = await setup();
  const context = options.context || await browser.newContext({ viewport: { width: 1100, height: 900 }, acceptDownloads: true, ...options });
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

const enter = async (page, typed = "Crop unlit — mossy dingo relax SALUTE") => {
  await page.fill("#words", typed);
  await page.click("#open");
};
const opened = (page) => page.waitForSelector("#records-title", { timeout: 60000 });

// refused waits for a fault and returns its title, making sure that nothing is
// shown and nothing kept.
async function refused(page) {
  await page.waitForSelector("#fault:not([hidden])", { timeout: 60000 });
  assert.equal(await page.locator("#records").isVisible(), false);
  assert.equal(await page.locator("#records li").count(), 0);
  assert.deepEqual(await kept(page), []);
  return page.locator("#fault h1").textContent();
}

// kept lists what lies in the page's private storage.
const kept = (page) => page.evaluate(async () => {
  try {
    const root = await navigator.storage.getDirectory();
    const names = [];
    for await (const name of (await root.getDirectoryHandle("chartseal")).keys()) names.push(name);
    return names;
  } catch {
    return [];
  }
});

async function saved(page, name) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name }).click()]);
  return { name: download.suggestedFilename(), data: readFileSync(await download.path()) };
}

async function violations(page) {
  await page.evaluate(axe);
  const { violations: list } = await page.evaluate(() => globalThis.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  return list.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`);
}

// lit counts the bright pixels of a canvas.
const lit = (page, n = 0) => page.evaluate((i) => {
  const canvas = document.querySelectorAll(".pane canvas")[i];
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let p = 0; p < data.length; p += 4) if (data[p] > 100) count++;
  return count;
}, n);

async function view(page, name) {
  await page.getByRole("button", { name }).click();
  await page.waitForSelector(".pane canvas[aria-label]");
  await page.waitForTimeout(150);
}

test("page: the words open, everything is listed by kind", async () => {
  const { sealed, zip, list } = await setup();
  const { url } = await publish(sealed);
  const { page, done } = await visit(url);
  assert.match(await page.locator("h1").first().textContent(), /Lakeside Dental has sent you dental records/);
  await enter(page);
  await opened(page);
  const text = await page.locator("#records").innerText();
  for (const want of ["All 38 files arrived complete and unchanged", "Alvarez, Maria, born March 9, 1984", "Chart: progress notes", "May 3, 2025", "Intraoral X-ray",
    "2 details removed", "24 pictures in one series", "Photograph: smile", "STL", "No date", "The file has no date of its own"]) assert.ok(text.includes(want), `${want} in ${text}`);
  assert.equal(await page.locator("#records li").count(), list.length - 23);
  assert.equal((await kept(page)).length, 1);
  const all = await saved(page, "Save everything");
  assert.ok(all.data.equals(zip));
  assert.match(all.name, /^r\d+\.zip$/);
  await page.getByRole("button", { name: "Close and delete" }).click();
  await page.waitForSelector("#closed:not([hidden])");
  assert.deepEqual(await kept(page), []);
  assert.equal(await page.inputValue("#words"), "");
  await done();
});

test("page: single records and series are saved whole", async () => {
  const { sealed, list } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  await enter(page);
  await opened(page);
  const pdf = await saved(page, "Save Chart: progress notes");
  assert.ok(pdf.data.equals(list[0].data));
  assert.equal(pdf.name, "2025-05-03_chart_001_progress-notes.pdf");
  const xray = await saved(page, "Save Intraoral X-ray");
  assert.ok(xray.data.equals(list[2].data));
  assert.equal(xray.name, "2025-03-12 Intraoral radiograph I0000001.dcm");
  const series = await saved(page, "Save series 3D scan");
  assert.equal(series.data.readUInt16LE(series.data.length - 12), 24);
  assert.match(series.name, /\.zip$/);
  await done();
});

test("page: key files open, classic and post-quantum, chosen or pasted", async () => {
  const { zip } = await setup();
  for (const generate of [generateX25519Identity, generateHybridIdentity]) {
    const identity = await generate();
    const { url } = await publish(await make.seal(zip, { recipient: await identityToRecipient(identity) }), { data: { Unlock: "key" } });
    const path = join(folder, `key${++number}.txt`);
    writeFileSync(path, `# created: 2026-01-01\r\n# public key: age1…\r\n${identity}\r\n`);
    const { page, done } = await visit(url);
    await page.click("#open");
    assert.equal(await refused(page), "No key file was chosen");
    await page.setInputFiles("#key-file", path);
    await page.waitForFunction(() => document.getElementById("key-chosen").textContent !== "");
    await page.click("#open");
    await opened(page);
    await page.reload();
    await page.click("#way-key summary");
    await page.fill("#key-text", identity.toLowerCase());
    await page.click("#open");
    await opened(page);
    await done();
  }
});

test("page: wrong keys and wrong kinds of key are told apart", async () => {
  const { zip, sealed } = await setup();
  const [mine, other] = [await generateX25519Identity(), await generateX25519Identity()];
  const { url } = await publish(await make.seal(zip, { recipient: await identityToRecipient(mine) }), { data: { Unlock: "key" } });
  const { page, done } = await visit(url);
  await page.click("#way-key summary");
  const tries = { [other]: "This key does not open the records", "-----BEGIN OPENSSH PRIVATE KEY-----": "This is an SSH key", nonsense: "No key was found in this file",
    "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ": "No key was found in this file", [await identityToRecipient(mine)]: "This is a public key" };
  for (const [text, want] of Object.entries(tries)) {
    await page.fill("#key-text", text);
    await page.click("#open");
    await page.waitForSelector("#working", { state: "hidden" });
    assert.equal(await refused(page), want);
  }
  await page.click("#other-way");
  await enter(page);
  await page.waitForSelector("#working", { state: "hidden" });
  assert.equal(await refused(page), "These records open with a key file");
  await done();
  const words = await visit((await publish(sealed)).url);
  await words.page.click("#other-way");
  await words.page.click("#way-key summary");
  await words.page.fill("#key-text", mine);
  await words.page.click("#open");
  assert.equal(await refused(words.page), "These records open with six words");
  assert.ok(await words.page.locator("#words").isVisible());
  await words.done();
});

test("page: wrong words say so and may be tried again", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  await enter(page, "crop unlit mossy");
  assert.equal(await refused(page), "Some words are missing");
  await enter(page, "crop unlit mossy dingo relax salad");
  await page.waitForFunction(() => document.querySelector("#fault h1")?.textContent.includes("do not open"));
  assert.equal(await refused(page), "These words do not open the records");
  assert.doesNotMatch(await page.locator("#fault").innerText(), /identit|recipient/i);
  await enter(page);
  await opened(page);
  assert.equal(await page.locator("#fault").isVisible(), false);
  await done();
});

test("page: expired, refused, withdrawn, busy: each its own sentence", async () => {
  const error = (code, message) => `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  const cases = [
    [{ status: 403, body: error("AccessDenied", "Request has expired") }, "This link has expired"],
    [{ status: 400, body: error("ExpiredToken", "The provided token has expired.") }, "This link has expired"],
    [{ status: 403, body: error("AccessDenied", "Access Denied") }, "This link is not accepted any more"],
    [{ status: 404, body: error("NoSuchKey", "The specified key does not exist.") }, "The practice has withdrawn these records"],
    [{ status: 503, body: error("SlowDown", "Reduce your request rate.") }, "The storage service is busy"],
  ];
  for (const [object, want] of cases) {
    const { page, done } = await visit((await publish(null, { object })).url);
    await enter(page);
    assert.equal(await refused(page), want);
    assert.equal(await page.locator("#saved").getAttribute("open") !== null, object.status < 404);
    await done();
  }
});

test("page: a connection that cannot be made is named", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed, { data: { BundleURL: "http://127.0.0.1:9/x.zip.age" } })).url);
  await enter(page);
  assert.equal(await refused(page), "The connection was lost");
  await page.context().close();
  await done().catch((err) => assert.match(err.message, /request: http:\/\/127\.0\.0\.1:9/));
});

test("page: changed anywhere, nothing is shown", async () => {
  const { sealed } = await setup();
  const next = random(11);
  const { server } = shared;
  const { url, name } = await publish(sealed);
  const { page, done } = await visit(url);
  const places = [0, 30, 70, 130, ...Array.from({ length: 10 }, () => Math.floor(next() * sealed.length)), sealed.length - 1];
  for (const at of places) {
    const bad = Buffer.from(sealed);
    bad[at] ^= 1 << Math.floor(next() * 8);
    server.objects.set(`/bucket/${name}.zip.age`, { data: bad });
    await page.reload();
    await enter(page);
    const title = await refused(page);
    if (at > 200) assert.match(title, /damaged or changed/, `byte ${at}`);
  }
  for (const bad of [Buffer.concat([sealed, Buffer.from("extra")]), Buffer.concat([sealed.subarray(0, 70000), sealed.subarray(70001), Buffer.alloc(1)])]) {
    server.objects.set(`/bucket/${name}.zip.age`, { data: bad });
    await page.reload();
    await enter(page);
    assert.match(await refused(page), /damaged or changed/);
  }
  await done();
});

test("page: cut anywhere, it says the file is not complete", async () => {
  const { sealed, server } = await setup();
  const { url, name } = await publish(sealed);
  const { page, done } = await visit(url);
  for (const n of [0, 10, 100, 40000, 65536 + 16 + 200, Math.floor(sealed.length / 2), sealed.length - 1]) {
    server.objects.set(`/bucket/${name}.zip.age`, { data: sealed.subarray(0, n) });
    await page.reload();
    await enter(page);
    assert.equal(await refused(page), "The file is not complete", `${n} bytes`);
  }
  await done();
});

test("page: other signers, other releases, changed lists are refused", async () => {
  const { list } = await setup();
  const cases = [
    [make.archive(list.slice(0, 2), make.signer()), "These records were not signed by Lakeside Dental"],
    [make.archive(list.slice(0, 2), signer, { reference: "another" }), "This is another delivery"],
    [make.archive(list.slice(0, 2), { ...make.signer(), id: signer.id }), "The signature of the practice does not match"],
    [make.archive(list.slice(0, 2), signer, { change: { members: (f) => f.filter(([n]) => n !== "manifest.json.minisig") } }), "These records are not signed"],
    [make.archive(list.slice(0, 2), signer, { change: { members: (f) => [...f, ["evil.html", Buffer.from("x")]] } }), "These records were damaged or changed on the way"],
    [Buffer.from("not a ZIP"), "These records were damaged or changed on the way"],
  ];
  for (const [zip, want] of cases) {
    const { page, done } = await visit((await publish(await make.seal(zip))).url);
    await enter(page);
    assert.equal(await refused(page), want);
    await done();
  }
});

test("page: work factors of chartseal and of age are accepted, mad ones are not", async () => {
  const { list } = await setup();
  let sealed;
  for (const workFactor of [15, 18]) {
    sealed = await make.seal(make.archive(list.slice(0, 1), signer), { workFactor });
    const slow = await visit((await publish(sealed)).url);
    await enter(slow.page);
    await opened(slow.page);
    await slow.done();
  }
  const bad = Buffer.from(sealed.toString("latin1").replace(/^(-> scrypt \S+) 18$/m, "$1 21"), "latin1");
  const { page, done } = await visit((await publish(bad)).url);
  await enter(page);
  assert.equal(await refused(page), "This file asks for too much work");
  await done();
});

test("page: a saved file opens when the link has expired", async () => {
  const { sealed } = await setup();
  const { url, name } = await publish(null, { object: { status: 403, body: "Request has expired" }, bytes: sealed.length, data: { Expires: inDays(-1) } });
  const path = join(folder, `${name}.zip.age`);
  writeFileSync(path, sealed);
  const { page, done } = await visit(url);
  assert.match(await page.locator("#fact-until").textContent(), /This date has passed/);
  await enter(page);
  assert.equal(await refused(page), "This link has expired");
  await page.setInputFiles("#saved-file", path);
  await enter(page);
  await opened(page);
  await page.reload();
  writeFileSync(path, "PK not sealed");
  await page.click("#saved > summary");
  await page.setInputFiles("#saved-file", path);
  await enter(page);
  assert.match(await refused(page), /not a locked records file|not complete/);
  await done();
});

test("page: dropped files are taken, never opened by the browser", async () => {
  const { sealed } = await setup();
  const { url } = await publish(null, { bytes: sealed.length, data: { BundleURL: "" } });
  const { page, done } = await visit(url);
  assert.ok(await page.locator("#saved").getAttribute("open") !== null);
  await enter(page);
  assert.equal(await refused(page), "No file was chosen");
  const transfer = await page.evaluateHandle((text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const list = new DataTransfer();
    list.items.add(new File([bytes], "x.zip.age"));
    return list;
  }, sealed.toString("base64"));
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
  assert.match(await page.locator("#saved-chosen").textContent(), /x\.zip\.age/);
  await enter(page);
  await opened(page);
  await done();
});

test("page: opened from disk, with the saved file beside it", async () => {
  const { sealed } = await setup();
  const { html, name } = await publish(sealed);
  writeFileSync(join(folder, `${name}.html`), html);
  writeFileSync(join(folder, `${name}.zip.age`), sealed);
  const { page, context } = await visit(`file://${join(folder, `${name}.html`)}`);
  await enter(page);
  await page.waitForSelector("#fault:not([hidden])");
  assert.equal(await page.locator("#fault h1").textContent(), "This page was opened from a file");
  await page.setInputFiles("#saved-file", join(folder, `${name}.zip.age`));
  await enter(page);
  await opened(page);
  await view(page, "View Intraoral");
  assert.ok(await lit(page) > 1000);
  await context.close();
});

test("page: works again after a reload, and sweeps up what a crash left", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  await enter(page);
  await opened(page);
  await page.evaluate(async () => {
    const dir = await (await navigator.storage.getDirectory()).getDirectoryHandle("chartseal");
    await dir.getFileHandle("left-by-a-crash", { create: true });
  });
  await page.reload();
  await page.waitForFunction(async () => {
    const dir = await (await navigator.storage.getDirectory()).getDirectoryHandle("chartseal");
    for await (const _ of dir.keys()) return false;
    return true;
  });
  assert.equal(await page.locator("#records li").count(), 0);
  await enter(page);
  await opened(page);
  await done();
});

test("page: a second window does not sweep away what the first has open", async () => {
  const { sealed } = await setup();
  const { url } = await publish(sealed);
  const first = await visit(url);
  await enter(first.page);
  await opened(first.page);
  const second = await visit(url, { context: first.context });
  await second.page.waitForTimeout(300);
  assert.equal((await kept(second.page)).length, 1);
  await saved(first.page, "Save Chart: progress notes");
  await first.done();
});

// refuse makes the worker's private storage fail as a private window does.
const refuse = () => {
  const { Blob } = globalThis;
  globalThis.Blob = class extends Blob {
    constructor(parts, options) {
      const code = "navigator.storage.getDirectory = () => Promise.reject(new DOMException('no', 'SecurityError'));";
      super(options?.type === "text/javascript" ? [code, ...parts] : parts, options);
    }
  };
};

test("page: private windows work without private storage", async () => {
  const { sealed, zip } = await setup();
  const { page, done } = await visit((await publish(sealed)).url, { init: refuse });
  await enter(page);
  await opened(page);
  assert.deepEqual(await kept(page), []);
  assert.ok((await saved(page, "Save everything")).data.equals(zip));
  await view(page, "View 3D scan");
  assert.ok(await lit(page) > 1000);
  await done();
});

test("page: plain http without WebCrypto works, words and keys", async () => {
  const { sealed, zip } = await setup();
  const { page, done } = await visit((await publish(sealed, { host: "records.test" })).url);
  assert.equal(await page.evaluate(() => isSecureContext), false);
  await enter(page);
  await opened(page);
  await done();
  const identity = await generateX25519Identity();
  const keyed = await publish(await make.seal(zip, { recipient: await identityToRecipient(identity) }), { host: "records.test", data: { Unlock: "key" } });
  const second = await visit(keyed.url);
  await second.page.click("#way-key summary");
  await second.page.fill("#key-text", identity);
  await second.page.click("#open");
  await opened(second.page);
  await second.done();
});

test("page: a broken download is taken up where it stopped", async () => {
  const { sealed, server } = await setup();
  const { url, name } = await publish(sealed, { object: { breakAt: 150000 } });
  const { page, done } = await visit(url);
  await enter(page);
  await opened(page);
  const asked = server.requests.filter((r) => r.path.startsWith(`/bucket/${name}.zip.age`));
  assert.equal(asked.length, 2);
  assert.match(asked[1].headers.range, /^bytes=[1-9]\d*-$/);
  await done();
});

test("page: nothing is fetched before the button, nothing secret is sent", async () => {
  const { sealed, server } = await setup();
  const { url, name } = await publish(sealed);
  const { page, context, done } = await visit(url);
  await context.addCookies([{ name: "session", value: "x", url }]);
  await page.waitForTimeout(300);
  const mine = () => server.requests.filter((r) => r.path.includes(name));
  assert.deepEqual(mine().map((r) => r.path), [`/bucket/${name}.html`]);
  await enter(page);
  await opened(page);
  const [, bundle] = mine();
  assert.equal(mine().length, 2);
  assert.equal(bundle.headers.cookie, undefined);
  assert.equal(bundle.headers.referer, undefined);
  assert.match(bundle.headers["cache-control"] || bundle.headers.pragma, /no-cache/);
  await done();
});

test("page: cancelling leaves nothing", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed, { object: { delay: 4000 } })).url);
  await enter(page);
  await page.waitForTimeout(400);
  await page.click("#cancel");
  await page.waitForSelector("#welcome:not([hidden])");
  assert.deepEqual(await kept(page), []);
  assert.equal(await page.locator("#fault").isVisible(), false);
  await done();
});

test("page: refuses to work inside another page", async () => {
  const { sealed, server } = await setup();
  const { url } = await publish(sealed);
  server.objects.set("/bucket/frame.html", { data: Buffer.from(`<iframe src="${url}" style="width:900px;height:800px"></iframe>`), type: "text/html" });
  const { page, done } = await visit(`http://127.0.0.1:${server.port}/bucket/frame.html`);
  const inner = page.frameLocator("iframe");
  await inner.locator("#fault:not([hidden])").waitFor();
  assert.equal(await inner.locator("#words").isVisible(), false);
  await done();
});

test("viewer: pictures, radiographs and PDF files", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  await enter(page);
  await opened(page);
  for (const name of ["View Photograph", "View Panoramic", "View Intraoral"]) {
    await view(page, name);
    const before = await lit(page);
    assert.ok(before > 1000, `${name}: ${before}`);
    await page.getByRole("button", { name: "Invert" }).click();
    assert.notEqual(await lit(page), before, name);
    await page.getByRole("button", { name: "Close", exact: true }).click();
  }
  await page.getByRole("button", { name: "View Chart" }).click();
  const src = await page.locator("dialog iframe").getAttribute("src");
  assert.match(src, /^blob:/);
  await page.keyboard.press("Escape");
  await done();
});

test("viewer: a series in three planes, moved by mouse, slider and keys", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  await enter(page);
  await opened(page);
  await view(page, "View 3D scan");
  assert.equal(await page.locator(".pane").count(), 3);
  for (const n of [0, 1, 2]) assert.ok(await lit(page, n) > 300, `pane ${n}`);
  const name = (n) => page.locator(".pane .name").nth(n).textContent();
  assert.equal(await name(0), "Axial: picture 13 of 24");
  await page.locator(".pane input").first().focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await name(0), "Axial: picture 14 of 24");
  await page.locator(".pane .well").first().focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("PageUp");
  assert.equal(await name(0), "Axial: picture 3 of 24");
  await page.locator(".pane canvas").first().click({ position: { x: 120, y: 200 } });
  assert.notEqual(await name(1), "Coronal: picture 25 of 48");
  await page.mouse.wheel(0, 100);
  assert.equal(await name(0), "Axial: picture 4 of 24");
  await page.keyboard.press("Home");
  for (const button of ["Coronal", "Sagittal", "All", "Brightness", "Larger", "Smaller", "Darker", "More contrast", "Reset"]) {
    await page.getByRole("button", { name: button, exact: true }).click();
  }
  await page.getByRole("combobox").selectOption("bone");
  await page.mouse.move(300, 400);
  await page.mouse.down();
  await page.mouse.move(340, 300);
  await page.mouse.up();
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("dialog").isVisible(), false);
  await done();
});

test("viewer: compressed radiographs, and what cannot be shown is offered to save", async () => {
  const { jpeg } = await setup();
  const elements = d.image({ rows: 120, columns: 200, allocated: 8, samples: 3, photometric: "YBR_FULL_422" });
  const list = [
    { path: "data/DICOM/S0000001/I0000001", kind: "radiograph", title: "JPEG", data: d.file(d.syntaxes.jpeg, elements, { pixels: d.encapsulate([jpeg]) }) },
    { path: "data/DICOM/S0000001/I0000002", kind: "radiograph", title: "Split JPEG", data: d.file(d.syntaxes.jpeg, elements, { pixels: d.encapsulate([[jpeg.subarray(0, 500), jpeg.subarray(500)]]) }) },
    { path: "data/DICOM/S0000001/I0000003", kind: "radiograph", title: "New kind", data: d.file(d.syntaxes.jpeg2000, elements, { pixels: d.encapsulate([jpeg]) }) },
    { path: "data/PHOTOS/x.png", kind: "photo", title: "Broken", data: Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), Buffer.alloc(50)]) },
  ];
  const { page, done } = await visit((await publish(await make.seal(make.archive(list, signer)))).url);
  await enter(page);
  await opened(page);
  for (const name of ["View JPEG", "View Split JPEG"]) {
    await view(page, name);
    assert.ok(await lit(page) > 1000);
    await page.keyboard.press("Escape");
  }
  for (const name of ["New kind", "Broken"]) {
    await page.getByRole("button", { name: `View ${name}` }).click();
    await page.getByText("This file cannot be shown here").waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".v-message button").click()]);
    assert.ok(readFileSync(await download.path()).equals(list.find((r) => r.title === name).data));
    await page.keyboard.press("Escape");
  }
  await done();
});

test("page: keyboard alone is enough", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute("aria-label") || document.activeElement.textContent);
  const tabTo = async (want) => {
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press("Tab");
      if ((await focused()).includes(want)) return;
    }
    assert.fail(`no way to ${want}`);
  };
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the main part");
  await tabTo("words");
  await page.keyboard.type("crop unlit mossy dingo relax salute");
  await page.keyboard.press("Enter");
  await opened(page);
  assert.equal(await focused(), "records-title");
  await tabTo("View Intraoral");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".pane canvas[aria-label]");
  assert.equal(await focused(), "Close");
  await page.keyboard.press("i");
  await page.keyboard.press("+");
  await page.keyboard.press("Escape");
  assert.equal(await focused(), "View Intraoral X-ray");
  await tabTo("Close and delete");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#closed:not([hidden])");
  assert.equal(await focused(), "closed");
  await done();
});

test("page: Spanish by the browser's language, switched by hand, kept over a reload", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url, { locale: "es-US" });
  assert.equal(await page.evaluate(() => document.documentElement.lang), "es");
  assert.match(await page.locator("h1").first().textContent(), /le ha enviado su expediente dental/);
  await page.fill("#words", "crop unlit");
  await page.getByRole("button", { name: "English" }).click();
  assert.equal(await page.inputValue("#words"), "crop unlit");
  assert.match(await page.title(), /Dental records from/);
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
  await page.getByRole("button", { name: "Español" }).click();
  await enter(page);
  await opened(page);
  assert.match(await page.locator("#records").innerText(), /Los 38 archivos llegaron completos/);
  await page.getByRole("button", { name: "English" }).click();
  assert.match(await page.locator("#records").innerText(), /All 38 files/);
  await done();
});

const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

test("page: fits a phone", async () => {
  const { sealed } = await setup();
  for (const locale of ["en-US", "es-MX"]) {
    const { page, done } = await visit((await publish(sealed)).url, { ...phone, locale });
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.equal(await wide(), 0);
    const small = await page.evaluate(() => [...document.querySelectorAll("button, a, summary, label")].filter((n) => {
      const box = n.getBoundingClientRect();
      return box.height > 0 && box.height < 24 && !n.closest(".sr, .skip");
    }).map((n) => n.outerHTML));
    assert.deepEqual(small, []);
    await enter(page);
    await opened(page);
    assert.equal(await wide(), 0);
    await page.locator("#records li", { hasText: /CBCT/ }).getByRole("button").first().click();
    await page.waitForSelector(".pane canvas[aria-label]");
    await page.waitForTimeout(200);
    assert.equal(await page.locator(".pane").count(), 1);
    assert.ok(await lit(page) > 1000);
    await done();
  }
});

test("accessibility: axe finds nothing, light and dark, on every view", async () => {
  const { sealed } = await setup();
  for (const [scheme, locale, size] of [["light", "en-US", {}], ["dark", "es-MX", phone]]) {
    const { page, done } = await visit((await publish(sealed)).url, { colorScheme: scheme, locale, ...size });
    const found = {};
    const look = async (name) => { const list = await violations(page); if (list.length) found[name] = list; };
    await look("welcome");
    for (const summary of await page.locator("#welcome > details > summary").all()) await summary.click();
    await page.click("#other-way");
    await look("key");
    await page.click("#open");
    await refused(page);
    await look("fault");
    await page.click("#other-way");
    await enter(page);
    await opened(page);
    await look("records");
    for (const kind of [/CBCT/, /radiograph|Intraoral|intraoral/i, /PDF/]) {
      await page.locator("#records li", { hasText: kind }).first().getByRole("button").first().click();
      await page.waitForSelector(".pane canvas[aria-label], dialog iframe, .v-message button");
      await look(`viewer ${kind}`);
      await page.keyboard.press("Escape");
    }
    assert.deepEqual(found, {}, scheme);
    await done();
  }
});

test("accessibility: the progress panel too", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed, { object: { delay: 5000 } })).url);
  await enter(page);
  await page.waitForSelector("#working:not([hidden])");
  assert.deepEqual(await violations(page), []);
  await done();
});
