// Photographs what staff and recipients have before them; docs/pictures/make starts it:
//   node shoot.mjs BOARD PAGE WORDS DEMO
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { launch } from "../../transport/page/web/test/browser.mjs";

const [board, recipient, words, demo] = process.argv.slice(2);
const file = (...names) => pathToFileURL(join(demo, ...names)).href;
const browser = await launch();

async function shoot(name, url, { width = 820, height = 560, act } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, locale: "en-US", colorScheme: "light" });
  const page = await context.newPage();
  await page.goto(url);
  if (act) await act(page);
  await page.screenshot({ path: `${name}.png` });
  await context.close();
}

await shoot("receipt", file("outbox", "sent", "R-2026-0113", "RECEIPT.txt"));
await shoot("held", file("outbox", "held", "R-2026-0114", "WHY-HELD.txt"), { height: 480 });
await shoot("due-list", file("outbox", "DUE-LIST.html"), { height: 420 });
await shoot("board", board, { width: 1000, height: 700 });
await shoot("page", recipient, { height: 760, act: (page) => page.waitForSelector("#welcome:not([hidden])") });
await shoot("records", recipient, {
  height: 760,
  act: async (page) => {
    await page.fill("#words", words);
    await page.click("#open");
    await page.waitForSelector("#records-title", { timeout: 60000 });
  },
});
await shoot("start-here", file("opened", "START-HERE.html"), { height: 600 });
await browser.close();
