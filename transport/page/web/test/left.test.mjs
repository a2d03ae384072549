// What stays on the device: nothing, whatever ends the page.
import assert from "node:assert/strict";
import * as make from "./bundle.mjs";
import { test, within } from "./harness.mjs";
import { never } from "./server.mjs";
import { enter, kept, lit, opened, publish, refused, saved, setup, view, visit, written } from "./stage.mjs";

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

// inWorker makes an init script that puts code before the worker's own.
const inWorker = (code) => `{
  const { Blob } = globalThis;
  globalThis.Blob = class extends Blob {
    constructor(parts, options) {
      super(options?.type === "text/javascript" ? [${JSON.stringify(code)}, ...parts] : parts, options);
    }
  };
}`;

// refuse makes the worker's private storage fail as a private window does; full
// lets it tell that there is no room.
const refuse = inWorker("navigator.storage.getDirectory = () => Promise.reject(new DOMException('no', 'SecurityError'));");
const full = inWorker("navigator.storage.estimate = async () => ({ quota: 1e6, usage: 9e5 });");

// late has the worker hear of the end only when the page has stopped waiting for it.
const late = inWorker(`addEventListener("message", ({ data }) => {
  if (data.stop) for (const until = performance.now() + 1000; performance.now() < until;);
});`);

test("page: private windows work without private storage", async () => {
  const { sealed, zip } = await setup();
  const { page, done } = await visit((await publish(sealed)).url, { init: refuse });
  await enter(page);
  await opened(page);
  assert.deepEqual(await kept(page), []);
  assert.ok((await saved(page, "Save everything")).data.equals(zip));
  await view(page, "View 3D scan");
  assert.ok(await lit(page) > 1000);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Close and delete" }).click();
  await page.getByText("copy on this device is deleted").waitFor();
  await done();
});

test("page: cancelling leaves nothing", async () => {
  const { sealed } = await setup();
  for (const object of [{}, { pace: 15000 }]) { // before the answer, and amid it
    const { page, done } = await visit((await publish(sealed, { object: { hold: never, ...object } })).url);
    await enter(page);
    await page.waitForSelector("#working:not([hidden])");
    if (object.pace) assert.ok(await within(() => written(page)) > 0);
    await page.click("#cancel");
    await page.waitForSelector("#welcome:not([hidden])");
    assert.deepEqual(await kept(page), []);
    for (const id of ["#fault", "#closed"]) assert.equal(await page.locator(id).isVisible(), false);
    await done();
  }
});

// beside opens another page of the same origin, which is none of ours.
async function beside(context) {
  const { server } = await setup();
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${server.port}/bucket/nothing-here`);
  return page;
}

// emptied waits for the store to be empty, and tells what it holds.
const emptied = (page) => within(() => kept(page), (names) => names.length === 0);

test("page: closing the tab deletes the records, opened or half received", async () => {
  const { sealed } = await setup();
  for (const object of [{}, { pace: 15000, hold: never }]) {
    const { page, context, done } = await visit((await publish(sealed, { object })).url);
    const other = await beside(context);
    await enter(page);
    if (object.pace) await within(() => written(other));
    else await opened(page);
    assert.ok(await written(other) > 0);
    await page.close();
    assert.deepEqual(await emptied(other), []);
    await done();
  }
});

test("page: going away deletes the records, and going back shows none", async () => {
  const { sealed, server } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  await enter(page);
  await opened(page);
  await page.goto(`http://127.0.0.1:${server.port}/bucket/nothing-here`);
  assert.deepEqual(await emptied(page), []);
  await page.goBack();
  await page.waitForSelector("#welcome:not([hidden])");
  assert.equal(await page.locator("#records li").count(), 0);
  assert.equal(await page.inputValue("#words"), "");
  await enter(page);
  await opened(page);
  await done();
});

test("page: going away deletes what is half received, however late the worker hears of it", async () => {
  const { sealed, server } = await setup();
  const { page, context, done } = await visit((await publish(sealed, { object: { pace: 15000, hold: never } })).url, { init: late });
  const other = await beside(context);
  await enter(page);
  assert.ok(await within(() => written(other)) > 0);
  await page.goto(`http://127.0.0.1:${server.port}/bucket/nothing-here`);
  assert.deepEqual(await emptied(other), []);
  await done();
});

test("page: what a crash leaves is deleted when the next link is opened", async () => {
  const { sealed } = await setup();
  const { url } = await publish(sealed);
  const { page, context, done } = await visit(url);
  const other = await beside(context);
  await enter(page);
  await opened(page);
  const session = await context.newCDPSession(page);
  const crashed = page.waitForEvent("crash");
  session.send("Page.crash").catch(() => {});
  await crashed;
  assert.equal((await kept(other)).length, 1);
  const next = await visit(url, { context });
  assert.deepEqual(await emptied(next.page), []);
  await done();
});

test("page: where private storage has no room, memory takes the records", async () => {
  const { sealed, zip } = await setup();
  const { page, done } = await visit((await publish(sealed)).url, { init: full });
  await enter(page);
  await opened(page);
  assert.deepEqual(await kept(page), []);
  assert.ok((await saved(page, "Save everything")).data.equals(zip));
  await done();
});

test("page: when the room gives out, it says so and leaves nothing", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  const session = await page.context().newCDPSession(page);
  await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(page.url()).origin, quotaSize: 400_000 });
  await enter(page);
  assert.equal(await refused(page), "There is not enough space on this device");
  await done();
});

test("page: a copy that is gone is not saved in silence", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  await enter(page);
  await opened(page);
  await page.evaluate(() => { // as when the browser has dropped the file
    const gone = () => Promise.reject(new DOMException("gone", "NotReadableError"));
    Blob.prototype.arrayBuffer = gone;
    Blob.prototype.stream = () => new ReadableStream({ start: gone });
  });
  await page.getByRole("button", { name: "Save Treatment plan" }).click();
  await page.getByText("This could not be saved").waitFor();
  await page.getByRole("button", { name: "View Intraoral" }).click();
  await page.getByText("This file cannot be shown here").waitFor();
  await done();
});

// held makes the browser refuse to let go of files.
const held = () => {
  FileSystemDirectoryHandle.prototype.removeEntry = () => Promise.reject(new DOMException("in use", "NoModificationAllowedError"));
};

test("page: a copy that could not be deleted is not said to be deleted", async () => {
  const { sealed, zip } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  const closed = page.locator("#closed");
  await enter(page);
  await opened(page);
  await page.evaluate(held);
  await page.getByRole("button", { name: "Close and delete" }).click();
  await closed.waitFor();
  assert.match(await closed.textContent(), /could not be deleted yet.*reload this page/);
  assert.equal((await kept(page)).length, 1);
  await page.getByRole("button", { name: "Español" }).click();
  assert.match(await closed.textContent(), /aún no se pudo borrar/);
  await page.getByRole("button", { name: "English" }).click();
  await page.reload();
  assert.deepEqual(await emptied(page), []);
  await enter(page);
  await opened(page);
  await page.getByRole("button", { name: "Close and delete" }).click();
  await closed.waitFor();
  assert.match(await closed.textContent(), /copy on this device is deleted/);
  assert.deepEqual(await kept(page), []);
  await done();
  const bad = await visit((await publish(await make.seal(zip.subarray(0, zip.length - 9)))).url);
  await bad.page.evaluate(held);
  await enter(bad.page);
  await bad.page.waitForSelector("#fault:not([hidden])");
  assert.match(await bad.page.locator("#fault").innerText(), /could not be deleted from this device yet/);
  await bad.done();
});

test("page: a copy that cancelling could not delete is not passed over in silence", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed, { object: { pace: 15000, hold: never } })).url);
  await enter(page);
  assert.ok(await within(() => written(page)) > 0);
  await page.evaluate(held);
  await page.click("#cancel");
  await page.locator("#closed").waitFor();
  assert.match(await page.locator("#closed").textContent(), /could not be deleted yet.*reload this page/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "closed");
  await page.reload();
  assert.deepEqual(await emptied(page), []);
  assert.equal(await page.locator("#closed").isVisible(), false);
  await done();
});
