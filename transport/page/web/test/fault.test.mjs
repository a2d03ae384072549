// What cannot be opened: each failure has its own sentence, and shows nothing.
import assert from "node:assert/strict";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import * as make from "./bundle.mjs";
import { random, test } from "./harness.mjs";
import { inDays } from "./browser.mjs";
import { enter, opened, publish, refused, setup, signer, violations, visit } from "./stage.mjs";

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
  await enter(page, "crop unlit mossi dingo relax salade");
  await page.waitForFunction(() => document.querySelector("#fault h1")?.textContent.includes("do not open"));
  assert.match(await page.locator("#fault").innerText(), /Look at the words 3, 6 first/);
  await enter(page, "crop unlit mossy dingo relax salad");
  await page.waitForFunction(() => !document.querySelector("#fault").textContent.includes("first"));
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

test("page: who opens a link after its end is told at once, and the store has the last word", async () => {
  const { sealed, server } = await setup();
  const { url, name } = await publish(sealed, { data: { Expires: inDays(-1) } });
  const { page, done } = await visit(url);
  assert.equal(await refused(page), "This link has expired");
  assert.match(await page.locator("#fault").innerText(), /It worked until \w+ \d+, \d{4}.*date on this device is wrong.*call Lakeside Dental: \+1 518 555 0100/s);
  assert.doesNotMatch(await page.locator("#fault").innerText(), /Nothing was shown/);
  assert.ok(await page.locator("#saved-file").isEnabled() && await page.locator("#saved").getAttribute("open") !== null);
  assert.equal(server.requests.filter((r) => r.path.includes(`${name}.zip.age`)).length, 0);
  assert.deepEqual(await violations(page), []);
  server.objects.set(`/bucket/${name}.zip.age`, { status: 403, body: "<Code>AccessDenied</Code>" });
  await enter(page);
  await page.waitForFunction(() => /Nothing was shown/.test(document.getElementById("fault").textContent));
  assert.equal(await refused(page), "This link has expired");
  server.objects.set(`/bucket/${name}.zip.age`, { data: sealed }); // the device's clock is wrong
  await page.reload();
  await enter(page);
  await opened(page);
  await done();
});

test("page: changed anywhere, nothing is shown", async () => {
  const { sealed, server } = await setup();
  const next = random(11);
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
    assert.match(title, /damaged or changed/, `byte ${at}`); // also of the header, for which the words would be blamed
  }
  for (const bad of [Buffer.concat([sealed, Buffer.from("extra")]), Buffer.concat([sealed.subarray(0, 70000), sealed.subarray(70001), Buffer.alloc(1)])]) {
    server.objects.set(`/bucket/${name}.zip.age`, { data: bad });
    await page.reload();
    await enter(page);
    assert.match(await refused(page), /damaged or changed/);
  }
  await done();
});

// otherFileKey is a file of age with another letter in its wrapped file key: whole to read, but no key fits.
function otherFileKey(sealed) {
  const bad = Buffer.from(sealed);
  const at = bad.indexOf("\n---") - 5;
  bad[at] = (bad[at] === 0x41 ? "B" : "A").charCodeAt(0);
  return bad;
}

test("page: a file that cannot be opened is told from words and keys that do not fit", async () => {
  const { list, zip, sealed } = await setup();
  const other = await make.seal(make.archive(list.slice(0, 2), signer));
  const bad = otherFileKey(sealed);
  const mine = await generateX25519Identity();
  const forKey = await make.seal(zip, { recipient: await identityToRecipient(mine) });
  const badKey = otherFileKey(forKey);
  const cases = [
    [null, "These words do not open the records", "crop unlit mossy dingo relax salad"],
    [bad, "These records were damaged or changed on the way"],
    [other, "This is another delivery", "crop unlit mossy dingo relax salad"],
    [forKey, "This is another delivery"],
  ];
  for (const [file, want, typed] of cases) {
    const { page, done } = await visit((await publish(sealed)).url);
    if (file) {
      await page.click("#saved summary");
      await page.setInputFiles("#saved-file", { name: "saved.zip.age", mimeType: "application/octet-stream", buffer: file });
    }
    await enter(page, typed);
    assert.equal(await refused(page), want);
    await done();
  }
  const { page, done } = await visit((await publish(badKey, { of: forKey, data: { Unlock: "key" } })).url);
  await page.click("#way-key summary");
  await page.fill("#key-text", mine);
  await page.click("#open");
  assert.equal(await refused(page), "These records were damaged or changed on the way");
  await done();
  const old = await visit((await publish(bad, { data: { Head: {} } })).url); // of an older version
  await enter(old.page);
  assert.equal(await refused(old.page), "These words do not open the records");
  await old.done();
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
