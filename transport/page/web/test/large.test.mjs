// A large bundle: how fast it opens and is saved, and that the memory this
// takes does not grow with it. `npm test -- --large` opens 1 GB.
import assert from "node:assert/strict";
import { createHash, randomFillSync } from "node:crypto";
import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launchProfile } from "./browser.mjs";
import * as make from "./bundle.mjs";
import * as d from "./dicomfile.mjs";
import { test } from "./harness.mjs";
import { watch } from "./memory.mjs";
import { enter, opened, publish, signer, visit } from "./stage.mjs";

const MB = 1e6;
const [small, large] = process.argv.includes("--large") ? [64, 1000] : [32, 192];
const mb = (bytes) => `${Math.round(bytes / MB)} MB`;

// noise is what no compression makes smaller.
const noise = (bytes) => randomFillSync(Buffer.alloc(bytes));

// volume is a CBCT scan in one file, of so many frames of half a MiB.
function volume(frames) {
  const elements = d.image({ rows: 512, columns: 512, stored: 12, frames, more: [[0x00080060, "CS", "CT"], [0x0020000e, "UI", "1.2.3.77"]] });
  return d.file(d.syntaxes.explicit, [...elements, [0x7fe00010, "OW", noise(frames * 512 * 512 * 2)]]);
}

// bundle makes a sealed bundle of about so many MB: a CBCT scan, which is half of
// it, and intraoral scans.
async function bundle(size) {
  const part = 8 * MB;
  const list = [{ path: "data/DICOM/S0000001/I0000001", kind: "cbct", title: "CBCT volume", date: "2025-03-12", data: volume(Math.floor(size * MB / 2 / 524288)) }];
  for (let i = 0; i < size * MB / 2 / part; i++) {
    list.push({ path: `data/SCANS/2025-01-15_scan_${String(i).padStart(3, "0")}.stl`, kind: "scan", title: "Scan", date: "2025-01-15", data: noise(part) });
  }
  const zip = make.archive(list, signer, { method: 0 });
  return { digest: make.sha256(zip), bytes: zip.length, sealed: Buffer.from(await new Response(await make.encrypter().encrypt(new Blob([zip]).stream())).arrayBuffer()) };
}

async function digestOf(path) {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

// measure opens and saves a bundle in an ordinary window of a new profile:
// private windows keep their storage in memory.
async function measure(size) {
  const { sealed, digest, bytes } = await bundle(size);
  const { url } = await publish(sealed);
  const profile = mkdtempSync(join(tmpdir(), "page-profile-"));
  const context = await launchProfile(profile);
  try {
    const { page } = await visit(url, { context });
    const stop = watch();
    const times = [performance.now()];
    await enter(page);
    await opened(page, 600000);
    times.push(performance.now());
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save everything" }).click()]);
    const path = await download.path();
    times.push(performance.now());
    const peak = stop();
    assert.equal(await digestOf(path), digest);
    const [open, save] = [1, 2].map((i) => (times[i] - times[i - 1]) / 1000);
    console.log(`        ${mb(bytes)}: opened and checked in ${open.toFixed(1)} s (${Math.round(bytes / MB / open)} MB/s), saved in ${save.toFixed(1)} s; `
      + `peak memory: biggest renderer ${mb(peak.renderer)}, whole browser ${mb(peak.all)}`);
    return { ...peak, bytes };
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

// least is the smaller of two peaks: a collector that comes late only adds.
const least = (a, b) => ({ bytes: a.bytes, renderer: Math.min(a.renderer, b.renderer), all: Math.min(a.all, b.all) });

test("large: memory does not grow with the bundle", async () => {
  const peaks = [];
  for (const size of [small, large, small, large]) peaks.push(await measure(size));
  const [less, more] = [least(peaks[0], peaks[2]), least(peaks[1], peaks[3])];
  const grown = more.bytes - less.bytes;
  console.log(`        ${mb(grown)} more: renderer ${mb(more.renderer - less.renderer)}, whole browser ${mb(more.all - less.all)}`);
  const slack = 64 * MB; // what is free to be collected, or not yet
  assert.ok(more.renderer - less.renderer < slack + 0.3 * grown, "the renderer's memory grows with the bundle");
  assert.ok(more.all - less.all < slack + 0.4 * grown, "the browser's memory grows with the bundle");
});
