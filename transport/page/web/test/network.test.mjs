// The download: what is asked for and when, and what a bad line does.
import assert from "node:assert/strict";
import { test, within } from "./harness.mjs";
import { never } from "./server.mjs";
import { enter, kept, opened, publish, refused, saved, setup, visit, written } from "./stage.mjs";

test("page: a connection that cannot be made is named", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed, { data: { BundleURL: "http://127.0.0.1:9/x.zip.age" } })).url);
  await enter(page);
  assert.equal(await refused(page), "The connection was lost");
  await page.context().close();
  await done().catch((err) => assert.match(err.message, /request: http:\/\/127\.0\.0\.1:9/));
});

test("page: a broken download is taken up where it stopped", async () => {
  const { sealed, server } = await setup();
  let cut;
  const when = new Promise((go) => { cut = go; }); // a browser may drop what came before the break and was not read
  const { url, name } = await publish(sealed, { object: { breakAt: 150000, when } });
  const { page, done } = await visit(url);
  await enter(page);
  assert.ok(await within(() => written(page)) > 0);
  cut();
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

test("page: stores without ranges and proxies that compress do not spoil a broken download", async () => {
  const { sealed, zip } = await setup();
  for (const object of [{ noRange: true }, { gzip: true }]) {
    const { page, done } = await visit((await publish(sealed, { object: { breakAt: 150000, ...object } })).url);
    await enter(page);
    await opened(page);
    assert.ok((await saved(page, "Save everything")).data.equals(zip));
    await done();
  }
});

test("page: while the connection is lost it says so, and goes on by itself", async () => {
  const { sealed, server } = await setup();
  const { url, name } = await publish(sealed, { object: { breakAt: 150000, then: { status: 503 } } });
  const { page, done } = await visit(url);
  const path = `/bucket/${name}.zip.age`;
  const object = server.objects.get(path);
  await enter(page);
  await page.waitForFunction(() => { // in one look: the words are tried meanwhile
    const says = (id, what) => what.test(document.getElementById(id).textContent);
    return says("step", /connection was lost/) && says("announce", /Trying again/);
  });
  server.objects.set(path, object);
  await opened(page);
  await done();
});

test("page: a slow line shows how far it is, and may be given up", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed, { object: { pace: 2000, hold: never } })).url);
  await enter(page);
  await page.waitForFunction(() => /left/.test(document.getElementById("bar-left").textContent));
  assert.match(await page.locator("#bar-text").textContent(), /^\d+%, \d+ kB of \d+ kB$/);
  await page.click("#cancel");
  await page.waitForSelector("#welcome:not([hidden])");
  assert.deepEqual(await kept(page), []);
  await done();
});

test("page: what a network puts in place of the records is named", async () => {
  const html = "<!DOCTYPE html><html><title>Sign in</title></html>";
  for (const object of [{ status: 403, body: html, type: "text/html" }, { data: Buffer.from(html), type: "text/html" }]) {
    const { page, done } = await visit((await publish(null, { object: { status: 0, ...object }, bytes: 1000 })).url);
    await enter(page);
    assert.equal(await refused(page), "Something else came instead of your records");
    await done();
  }
});
