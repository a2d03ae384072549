// Looks at the daemon's board as staff do: node test/board.mjs ADDRESS FOLDER. The
// address lets in once. At several widths, light and dark, it takes a picture and asks
// axe-core; it prints what is wrong as a JSON list.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { launch } from "./browser.mjs";
import { within } from "./harness.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [address, folder] = process.argv.slice(2);
const home = new URL("/board/", address).href;
const wrong = [];
const browser = await launch();

// enter makes a window that is patient with a busy machine.
async function enter(options) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(300_000);
  return context;
}

const first = await enter();
const page = await first.newPage();
await page.goto(address);
if (page.url() !== home) wrong.push(`the address leads to ${new URL(page.url()).pathname}`);
const storageState = await first.storageState();
await first.close();

for (const [colorScheme, width] of [["light", 1280], ["dark", 1280], ["dark", 400], ["light", 320]]) {
  const context = await enter({ storageState, colorScheme, viewport: { width, height: 900 } });
  const tab = await context.newPage();
  const say = (what) => wrong.push(`${colorScheme} ${width}: ${what}`);
  tab.on("console", (m) => say(m.text()));
  tab.on("pageerror", (e) => say(e.message));
  context.on("request", (r) => { if (new URL(r.url()).origin !== new URL(home).origin) say("a request to another origin"); });
  await tab.goto(home);
  const over = await tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (over > 0) say(`${over} px wider than the window`);
  await tab.screenshot({ path: join(folder, `board-${colorScheme}-${width}.png`), fullPage: true });
  await tab.evaluate(axe);
  const { violations } = await tab.evaluate(() => globalThis.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  for (const v of violations) say(`${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`);
  await context.close();
}

// It renews itself in place, can be paused, and says when nobody answers any more.
const context = await enter({ storageState, viewport: { width: 1280, height: 500 } });
const tab = await context.newPage();
await tab.clock.install();
await tab.goto(home);
const time = () => tab.locator("#now").textContent();
const settled = async (what, is) => {
  if (!await within(is)) wrong.push(what);
};
await tab.evaluate(() => { document.getElementById("now").textContent = "old"; window.scrollTo(0, 300); window.mine = true; });
await tab.clock.fastForward(21000);
await settled("the board does not renew itself", async () => (await time()) !== "old");
if (!await tab.evaluate(() => window.mine && window.scrollY === 300)) wrong.push("renewing loses the place on the page");
await tab.getByRole("button", { name: "Pause updates" }).click();
await tab.evaluate(() => { document.getElementById("now").textContent = "old"; });
await tab.clock.fastForward(61000);
await tab.waitForTimeout(300);
if (await time() !== "old") wrong.push("the board renews itself although it was paused");
await context.setOffline(true);
await tab.getByRole("button", { name: "Pause updates" }).click();
await settled("nobody says that the daemon does not answer", () => tab.locator("#away").isVisible());
await context.setOffline(false);
await tab.clock.fastForward(21000);
await settled("the daemon answers again, and nobody says so", () => tab.locator("#away").isHidden());

const stranger = await enter();
const closed = await stranger.newPage();
const answer = await closed.goto(home);
if (answer.status() !== 403) wrong.push(`a stranger gets ${answer.status()}`);
await closed.screenshot({ path: join(folder, "board-closed.png") });
await browser.close();
console.log(JSON.stringify(wrong));
