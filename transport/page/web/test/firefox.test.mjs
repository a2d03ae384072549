// The main stories again in Firefox, as Debian ships it, by WebDriver BiDi
// (W3C). Its private windows have no private storage at all.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import * as make from "./bundle.mjs";
import { launchFirefox } from "./browser.mjs";
import { test, within } from "./harness.mjs";
import { enter, folder, kept, lit, opened, pdfShown, publish, refused, serial, setup, view, visit } from "./stage.mjs";

// inFirefox runs with Firefox windows.
async function inFirefox(prefs, run) {
  const downloads = mkdtempSync(join(folder, "firefox-"));
  const fox = await launchFirefox(downloads, prefs);
  try {
    await run(async (url) => visit(url, { context: await fox.newContext({ acceptDownloads: true, locale: "en-US" }) }), downloads);
  } finally {
    await fox.close();
  }
}

// holds says whether a folder has a file of this content besides those of before. One
// that is being put in place may be gone again.
function holds(folder, before, want) {
  return readdirSync(folder).some((file) => {
    try {
      return !before.includes(file) && !file.endsWith(".part") && readFileSync(join(folder, file)).equals(want);
    } catch {
      return false;
    }
  });
}

// saves presses a button and waits until the folder holds the file: Firefox
// tells nobody of downloads that a page makes itself.
async function saves(page, name, downloads, want) {
  const before = readdirSync(downloads);
  await page.getByRole("button", { name }).click();
  const arrived = await within(() => holds(downloads, before, want));
  assert.ok(arrived, `${name}: what was saved is not what was sent`);
}

test("firefox: words open, lists, shows and saves; closing deletes", () => inFirefox({}, async (go, downloads) => {
  const { sealed, zip, list } = await setup();
  const { page, done } = await go((await publish(sealed)).url);
  await enter(page, "crop unlit mossy dingo relax salad");
  assert.equal(await refused(page), "These words do not open the records");
  await enter(page);
  await opened(page);
  assert.equal((await kept(page)).length, 1);
  assert.match(await page.locator("#records").innerText(), /All 38 files arrived complete and unchanged/);
  await saves(page, "Save Chart: progress notes", downloads, list[0].data);
  await saves(page, "Save everything", downloads, zip);
  for (const name of ["View Intraoral", "View 3D scan", "View Photograph"]) {
    await view(page, name);
    assert.ok(await lit(page) > 300, name);
    await page.keyboard.press("Escape");
  }
  await page.getByRole("button", { name: "Close and delete" }).click();
  await page.waitForSelector("#closed:not([hidden])");
  assert.deepEqual(await kept(page), []);
  await done();
}));

// Firefox's own PDF viewer takes on the policy of the page it is in, and grumbles about
// what it does without: how much depends on how far it comes.
const ofViewer = /injection sink/;

test("firefox: PDF files are shown, and leave nothing", () => inFirefox({}, async (go) => {
  const { sealed } = await setup();
  const { page, context, bad } = await go((await publish(sealed)).url);
  await enter(page);
  await opened(page);
  assert.deepEqual(bad, []);
  await page.getByRole("button", { name: "View Chart" }).click();
  assert.match(await pdfShown(page), /^blob:/);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Close and delete" }).click();
  await page.waitForSelector("#closed:not([hidden])");
  assert.deepEqual(await kept(page), []);
  await context.close();
  assert.deepEqual(bad.filter((what) => /^(error|request): /.test(what) && !ofViewer.test(what)), []);
}));

test("firefox: a key file opens, what was changed, cut, expired or withdrawn does not", () => inFirefox({}, async (go) => {
  const { zip, sealed } = await setup();
  const identity = await generateX25519Identity();
  const path = join(folder, `key${serial()}.txt`);
  writeFileSync(path, `${identity}\n`);
  const keyed = await go((await publish(await make.seal(zip, { recipient: await identityToRecipient(identity) }), { data: { Unlock: "key" } })).url);
  await keyed.page.setInputFiles("#key-file", path);
  await keyed.page.waitForFunction(() => document.getElementById("key-chosen").textContent !== "");
  await keyed.page.click("#open");
  await opened(keyed.page);
  await keyed.done();
  const bad = Buffer.from(sealed);
  bad[sealed.length >> 1] ^= 1;
  const cases = [
    [{ data: bad }, "These records were damaged or changed on the way"], [{ data: sealed.subarray(0, 100000) }, "The file is not complete"],
    [{ status: 403, body: "<Error><Message>Request has expired</Message></Error>" }, "This link has expired"],
    [{ status: 404, body: "<Error><Code>NoSuchKey</Code></Error>" }, "The practice has withdrawn these records"],
  ];
  for (const [object, want] of cases) {
    const { page, done } = await go((await publish(sealed, { object })).url);
    await enter(page);
    assert.equal(await refused(page), want);
    await done();
  }
}));

test("firefox: a private window keeps the records in memory", () => inFirefox({ "browser.privatebrowsing.autostart": true }, async (go, downloads) => {
  const { sealed, zip } = await setup();
  const { page, done } = await go((await publish(sealed)).url);
  const refusal = await page.evaluate(() => navigator.storage.getDirectory().then(() => "", (err) => err.name));
  assert.equal(refusal, "SecurityError");
  await enter(page);
  await opened(page);
  await saves(page, "Save everything", downloads, zip);
  await view(page, "View Intraoral");
  assert.ok(await lit(page) > 1000);
  await done();
}));
