// Pictures of what a recipient sees, for people to look at: `npm run shots -- DIR`.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import * as make from "./bundle.mjs";
import { records } from "./sample.mjs";
import { close, enter, opened, publish, setup, signer, view, visit } from "./stage.mjs";

const dir = process.argv[2];
if (!dir) throw new Error("usage: npm run shots -- DIR");
mkdirSync(dir, { recursive: true });

const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const looks = {
  light: { colorScheme: "light" }, dark: { colorScheme: "dark" }, phone: { colorScheme: "light", locale: "es-MX", ...phone },
  "phone-dark": { colorScheme: "dark", ...phone }, narrow: { viewport: { width: 320, height: 640 } }, contrast: { forcedColors: "active" },
};

const { jpeg, sealed } = await setup();
const volume = await make.seal(make.archive(records({ jpeg, size: 128, count: 96 }), signer));

async function story(look, options) {
  const shot = (page, name, more = {}) => page.screenshot({ path: join(dir, `${look}-${name}.png`), ...more });
  const { page, done } = await visit((await publish(volume)).url, options);
  await shot(page, "1-welcome", { fullPage: true });
  for (const summary of await page.locator("#welcome > details > summary").all()) await summary.click();
  await page.click("#other-way");
  await shot(page, "2-unfolded", { fullPage: true });
  await page.click("#other-way");
  await enter(page, "crop unlit mossy dingo relax salad");
  await page.waitForSelector("#fault:not([hidden])");
  await shot(page, "3-fault");
  await enter(page);
  await opened(page);
  await shot(page, "4-records", { fullPage: true });
  await page.emulateMedia({ media: "print" });
  await shot(page, "5-print", { fullPage: true });
  await page.emulateMedia({ media: "screen" });
  for (const [name, button] of [["6-volume", /^(View|Ver) .*3D/], ["7-xray", /^(View|Ver) .*(Intraoral|intraoral)/], ["8-photo", /^(View|Ver) (Photograph|Fotograf)/]]) {
    await view(page, button);
    await page.waitForTimeout(300);
    await shot(page, name);
    await page.keyboard.press("Escape");
  }
  await page.getByRole("button", { name: /^(View|Ver) .*(progress|Historia)/ }).first().click();
  await page.waitForTimeout(1200);
  await shot(page, "9-pdf");
  await done();
  const slow = await visit((await publish(sealed, { object: { pace: 60000 } })).url, options);
  await enter(slow.page);
  await slow.page.waitForFunction(() => document.getElementById("bar").value > 0.3);
  await shot(slow.page, "10-working");
  await slow.done();
}

for (const [look, options] of Object.entries(looks)) await story(look, options);
await close();
process.exit(0);
