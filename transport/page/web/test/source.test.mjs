// Unit tests under node: the download, from a real server on a bad line.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { download, local, refusal } from "../src/source.js";
import { test } from "./harness.mjs";
import { never, startServer } from "./server.mjs";

const data = randomBytes(900_000);

// served runs with an object on a store and gives its URL and the requests.
async function served(object, run) {
  const { objects, requests, port, close } = await startServer();
  objects.set("/b/k.age", { data, ...object });
  try {
    await run(`http://127.0.0.1:${port}/b/k.age`, requests, objects);
  } finally {
    close();
  }
}

const fault = (code) => (err) => err.code === code || assert.fail(`${err.code}: ${err.message}, want ${code}`);
const now = async () => {};
const whole = async ({ stream }) => Buffer.from(await new Response(stream).arrayBuffer());

test("download: whole, with its size", () => served({}, async (url, requests) => {
  const got = await download(url);
  assert.equal(got.size, data.length);
  assert.ok((await whole(got)).equals(data));
  assert.equal(requests.length, 1);
}));

test("download: taken up where it broke off, and the recipient is told", () => {
  let cut;
  const when = new Promise((go) => { cut = go; }); // what came before the break is dropped unless it was read
  return served({ breakAt: 300_000, when }, async (url, requests) => {
    let told = 0;
    const reader = (await download(url, { wait: now, lost: () => told++ })).stream.getReader();
    const chunks = [];
    for (let answer = await reader.read(); !answer.done; answer = await reader.read()) {
      chunks.push(answer.value);
      cut();
    }
    assert.ok(Buffer.concat(chunks).equals(data));
    assert.equal(told, 1);
    assert.match(requests[1].headers.range, /^bytes=[1-9]\d*-$/);
  });
});

test("download: a store without ranges starts again, and nothing comes twice", () => served({ breakAt: 300_000, noRange: true }, async (url, requests) => {
  assert.ok((await whole(await download(url, { wait: now }))).equals(data));
  assert.equal(requests.length, 2);
}));

test("download: an encoding added on the way is undone, and ranges are not asked for", () => served({ breakAt: 300_000, gzip: true }, async (url, requests) => {
  const got = await download(url, { wait: now });
  assert.equal(got.size, 0);
  assert.ok((await whole(got)).equals(data));
  assert.deepEqual(requests.map((r) => r.headers.range), [undefined, undefined]);
}));

const patience = 987_654; // no other timer takes so long

// clockwork holds the timers of that length: one runs only when the test says so.
function clockwork() {
  const real = { setTimeout, clearTimeout };
  const running = new Map();
  const clock = { running, started: 0, most: 0, stop: () => Object.assign(globalThis, real) };
  globalThis.setTimeout = (run, ms, ...more) => {
    if (ms !== patience) return real.setTimeout(run, ms, ...more);
    const timer = { run };
    running.set(timer, run);
    clock.started++;
    clock.most = Math.max(clock.most, running.size);
    return timer;
  };
  globalThis.clearTimeout = (timer) => running.delete(timer) || real.clearTimeout(timer);
  return clock;
}

// silenced downloads from a line that falls silent after so many bytes, and lets the
// patience with it end then.
async function silenced(url, bytes) {
  const clock = clockwork();
  try {
    const reader = (await download(url, { wait: now, patience })).stream.getReader();
    const chunks = [];
    for (let left = bytes; left > 0;) {
      const { value } = await reader.read();
      chunks.push(value);
      left -= value.length;
    }
    const next = reader.read();
    while (clock.running.size === 0) await new Promise(setImmediate);
    for (const [timer, run] of clock.running) {
      clock.running.delete(timer);
      run();
    }
    for (let answer = await next; !answer.done; answer = await reader.read()) chunks.push(answer.value);
    assert.equal(clock.running.size, 0);
    return Buffer.concat(chunks);
  } finally {
    clock.stop();
  }
}

test("download: a line that falls silent is given up and taken up again", () => served({ breakAt: 300_000, silent: true }, async (url, requests) => {
  assert.ok((await silenced(url, 300_000)).equals(data));
  assert.deepEqual(requests.map((r) => r.headers.range), [undefined, "bytes=300000-"]);
}));

test("download: a silent line is given up, too, where aborting ends nothing", () => served({ breakAt: 300_000, silent: true }, async (url, requests) => {
  const { abort } = AbortController.prototype;
  AbortController.prototype.abort = () => {};
  try {
    assert.ok((await silenced(url, 300_000)).equals(data));
  } finally {
    AbortController.prototype.abort = abort;
  }
  assert.equal(requests.length, 2);
}));

test("download: a slow line is waited for", () => served({ pace: 200_000 }, async (url, requests) => {
  const clock = clockwork();
  try {
    assert.ok((await whole(await download(url, { patience }))).equals(data));
  } finally {
    clock.stop();
  }
  assert.equal(requests.length, 1);
  assert.deepEqual([clock.running.size, clock.most], [0, 1], "a timer of an earlier byte goes on");
  assert.ok(clock.started > data.length / 200_000, `the patience began ${clock.started} times`);
}));

test("download: a server that never answers is the connection's fault", () => served({ hold: never }, async (url) => {
  await assert.rejects(download(url, { patience: 30 }), fault("offline"));
}));

test("download: what ends it while it is tried again is named", async () => {
  await served({ breakAt: 300_000 }, async (url, _, objects) => {
    const lost = () => objects.set("/b/k.age", { status: 403, body: "<Message>Request has expired</Message>" });
    await assert.rejects(whole(await download(url, { wait: now, lost })), fault("expired"));
  });
  await served({ breakAt: 300_000 }, async (url, _, objects) => {
    const lost = () => objects.delete("/b/k.age");
    await assert.rejects(whole(await download(url, { wait: now, lost })), fault("revoked"));
  });
});

test("download: an object that became shorter ends", () => served({ breakAt: 300_000 }, async (url, _, objects) => {
  const lost = () => objects.set("/b/k.age", { data: data.subarray(0, 1000) });
  const got = await whole(await download(url, { wait: now, lost }));
  assert.ok(got.length < data.length && got.equals(data.subarray(0, got.length)));
}));

test("download: it is tried for some minutes, and no longer", () => served({ breakAt: 300_000 }, async (url, _, objects) => {
  let waited = 0;
  const wait = async (ms) => { waited += ms; objects.set("/b/k.age", { status: 503 }); };
  await assert.rejects(whole(await download(url, { wait })), fault("offline"));
  assert.ok(waited > 120_000 && waited < 300_000, `${waited} ms`);
}));

test("download: no longer wanted, it stops", () => served({ pace: 10_000 }, async (url, requests) => {
  const { stream } = await download(url, { wait: now });
  const reader = stream.getReader();
  await reader.read();
  await reader.cancel();
  await new Promise((done) => setTimeout(done, 100));
  assert.equal(requests.length, 1);
}));

test("download: a page in place of the bundle is no bundle", async () => {
  await served({ type: "text/html; charset=utf-8" }, async (url) => assert.rejects(download(url), fault("intercepted")));
  await served({ status: 403, body: "<!DOCTYPE html><title>Blocked</title>" }, async (url) => assert.rejects(download(url), fault("intercepted")));
});

test("saved file: as it is", async () => {
  const got = local(new Blob([data]));
  assert.equal(got.size, data.length);
  assert.ok(got.saved && (await whole(got)).equals(data));
});

test("store answers: each has its own sentence", () => {
  assert.equal(refusal(403, "<Message>Request has expired</Message>"), "expired");
  assert.equal(refusal(400, "<Code>ExpiredToken</Code>"), "expired");
  assert.equal(refusal(403, "<Code>AccessDenied</Code>"), "refused");
  assert.equal(refusal(404), "revoked");
  assert.equal(refusal(503), "busy");
});
