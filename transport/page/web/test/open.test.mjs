// Opening in a browser what a release uploads: words, keys, saved files.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from "age-encryption";
import * as make from "./bundle.mjs";
import { inDays } from "./browser.mjs";
import { test } from "./harness.mjs";
import { enter, folder, kept, lit, opened, publish, refused, saved, serial, setup, signer, view, visit } from "./stage.mjs";

test("page: the words open, everything is listed by kind", async () => {
  const { sealed, zip, list } = await setup();
  const { url } = await publish(sealed);
  const { page, done } = await visit(url);
  assert.match(await page.locator("h1").first().textContent(), /Lakeside Dental has sent you dental records/);
  await enter(page);
  await opened(page);
  const text = await page.locator("#records").innerText();
  assert.equal(text.split("Many share this.").length, 2, "what many share is said once");
  for (const want of ["All 38 files arrived complete and unchanged", "Alvarez, Maria, born March 9, 1984", "Chart: progress notes", "May 3, 2025", "Intraoral X-ray",
    "2 details removed", "24 pictures in one series", "3D scan (CBCT)", "named “Volume 0.7421875 mm”", "Notes were kept.\n", "Photograph: smile", "STL", "No date", "The file has no date of its own", signer.publicKey]) assert.ok(text.includes(want), `${want} in ${text}`);
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
    const path = join(folder, `key${serial()}.txt`);
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
  assert.equal(await refused(page), "This is not a locked records file");
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
