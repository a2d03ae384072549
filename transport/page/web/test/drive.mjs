// A recipient for tests in other languages: one command a line on standard
// input, as JSON, one answer a line on standard output.
//
//   {"do": "visit", "url": …}                       → {"tab": 0}
//   {"do": "open", "tab": 0, "words": … | "key": …} → {"opened": title} or {"fault": {"en": title, "es": title}}
//   {"do": "save", "tab": 0, "dir": …}              → {"all": path, "files": [path, …]}
//
// Anything that must not happen, a refusal by the content security policy or a
// request to another origin, ends the run.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { launch } from "./browser.mjs";

const tabs = [];
const browser = await launch();

async function visit({ url }) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, acceptDownloads: true, reducedMotion: "reduce", locale: "en-US" });
  context.setDefaultTimeout(600_000);
  const page = await context.newPage();
  const fail = (what) => { throw new Error(what); };
  page.on("pageerror", (err) => fail(err.message));
  page.on("console", (m) => (/Content Security|Trusted|violat/i.test(m.text()) ? fail(m.text()) : null));
  context.on("request", (r) => (/^(blob|data|chrome-extension):/.test(r.url()) || new URL(r.url()).origin === new URL(url).origin ? null : fail("a request to another origin")));
  await page.goto(url);
  await page.waitForSelector("#welcome:not([hidden])");
  tabs.push(page);
  return { tab: tabs.length - 1 };
}

async function open({ tab, words, key }) {
  const page = tabs[tab];
  if (words) await page.fill("#words", words);
  if (key) {
    await page.setInputFiles("#key-file", key);
    await page.waitForFunction(() => document.getElementById("key-chosen").textContent !== "");
  }
  await page.evaluate(() => { document.getElementById("fault").hidden = true; });
  await page.click("#open");
  await page.waitForSelector("#records-title, #fault:not([hidden])");
  if (await page.locator("#records-title").count()) return { opened: await page.locator("#records-title").textContent() };
  const fault = {};
  for (const [code, name] of [["es", "Español"], ["en", "English"]]) {
    await page.getByRole("button", { name }).click();
    fault[code] = await page.locator("#fault h1").textContent();
  }
  return { fault };
}

async function save({ tab, dir }) {
  const page = tabs[tab];
  mkdirSync(dir, { recursive: true });
  const press = async (button, n) => {
    if (n % 8 === 7) await page.waitForTimeout(1100); // Chromium drops the eleventh of a burst of downloads
    const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
    const path = join(dir, `${n}-${download.suggestedFilename()}`);
    await download.saveAs(path);
    return path;
  };
  const all = await press(page.getByRole("button", { name: "Save everything" }), 0);
  const files = [];
  for (const button of await page.locator("#records li .buttons button:last-child").all()) files.push(await press(button, files.length + 1));
  return { all, files };
}

const can = { visit, open, save };
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  console.log(JSON.stringify(await can[command.do](command)));
}
await browser.close();
