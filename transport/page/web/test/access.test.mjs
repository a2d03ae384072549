// For everybody: keyboard, languages, small screens, assistive technology.
import assert from "node:assert/strict";
import { test } from "./harness.mjs";
import { never } from "./server.mjs";
import { enter, lit, opened, publish, refused, setup, violations, visit } from "./stage.mjs";

test("page: keyboard alone is enough", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.getAttribute("aria-label") || document.activeElement.textContent);
  const tabTo = async (want) => {
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press("Tab");
      if ((await focused()).includes(want)) return;
    }
    assert.fail(`no way to ${want}`);
  };
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the main part");
  assert.equal(await page.getAttribute("#words-hide", "aria-pressed"), null); // its name tells what it does
  await tabTo("words");
  await page.keyboard.type("crop unlit mossy dingo relax salute");
  await page.keyboard.press("Enter");
  await opened(page);
  assert.equal(await focused(), "records-title");
  await tabTo("View Intraoral");
  await page.keyboard.press("Enter");
  await page.waitForSelector(".pane canvas[aria-label]");
  assert.equal(await focused(), "Close");
  await page.keyboard.press("i");
  await page.keyboard.press("+");
  await page.keyboard.press("Escape");
  assert.equal(await focused(), "View Intraoral X-ray, March 12, 2025");
  await tabTo("Close and delete");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#closed:not([hidden])");
  assert.equal(await focused(), "closed");
  await done();
});

test("page: Spanish by the browser's language, switched by hand, kept over a reload", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url, { locale: "es-US" });
  assert.equal(await page.evaluate(() => document.documentElement.lang), "es");
  assert.match(await page.locator("h1").first().textContent(), /le ha enviado su expediente dental/);
  await page.fill("#words", "crop unlit");
  await page.getByRole("button", { name: "English" }).click();
  assert.equal(await page.inputValue("#words"), "crop unlit");
  assert.match(await page.title(), /Dental records from/);
  await page.reload();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
  await page.getByRole("button", { name: "Español" }).click();
  await enter(page);
  await opened(page);
  assert.match(await page.locator("#records").innerText(), /Los 38 archivos llegaron completos/);
  await page.getByRole("button", { name: "English" }).click();
  assert.match(await page.locator("#records").innerText(), /All 38 files/);
  await done();
});

const phone = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };

test("page: fits a phone", async () => {
  const { sealed } = await setup();
  for (const locale of ["en-US", "es-MX"]) {
    const { page, done } = await visit((await publish(sealed)).url, { ...phone, locale });
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.equal(await wide(), 0);
    const small = await page.evaluate(() => [...document.querySelectorAll("button, a, summary, label")].filter((n) => {
      const box = n.getBoundingClientRect();
      return box.height > 0 && box.height < 24 && !n.closest(".sr, .skip");
    }).map((n) => n.outerHTML));
    assert.deepEqual(small, []);
    await enter(page);
    await opened(page);
    assert.equal(await wide(), 0);
    await page.locator("#records li", { hasText: /CBCT/ }).getByRole("button").first().click();
    await page.waitForSelector(".pane canvas[aria-label]");
    await page.waitForTimeout(200);
    assert.equal(await page.locator(".pane").count(), 1);
    assert.ok(await lit(page) > 1000);
    await done();
  }
});

test("page: phones are told that a delivery is large", async () => {
  const { sealed } = await setup();
  for (const [options, bytes, want] of [[phone, 900e6, /900 MB.*large delivery/], [phone, 900e3, /^900 kB$/], [{}, 900e6, /^900 MB$/]]) {
    const { page, done } = await visit((await publish(sealed, { bytes })).url, options);
    assert.match((await page.locator("dd", { has: page.locator("#fact-size") }).innerText()).trim(), want);
    await done();
  }
});

// eachView shows one after the other what a recipient may see.
async function eachView(page, look) {
  await look("welcome");
  for (const summary of await page.locator("#welcome > details > summary").all()) await summary.click();
  await page.click("#other-way");
  await look("key");
  await page.click("#open");
  await refused(page);
  await look("fault");
  await page.click("#other-way");
  await enter(page);
  await opened(page);
  await look("records");
}

test("accessibility: axe finds nothing, light and dark, on every view", async () => {
  const { sealed } = await setup();
  for (const [scheme, locale, size] of [["light", "en-US", {}], ["dark", "es-MX", phone]]) {
    const { page, done } = await visit((await publish(sealed)).url, { colorScheme: scheme, locale, ...size });
    const found = {};
    const look = async (name) => { const list = await violations(page); if (list.length) found[name] = list; };
    await eachView(page, look);
    for (const kind of [/CBCT/, /radiograph|Intraoral|intraoral/i, /PDF/]) {
      await page.locator("#records li", { hasText: kind }).first().getByRole("button").first().click();
      await page.waitForSelector(".pane canvas[aria-label], dialog iframe, .v-message button");
      await look(`viewer ${kind}`);
      await page.keyboard.press("Escape");
    }
    assert.deepEqual(found, {}, scheme);
    await done();
  }
});

test("accessibility: the progress panel too", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed, { object: { hold: never } })).url);
  await enter(page);
  await page.waitForSelector("#working:not([hidden])");
  assert.deepEqual(await violations(page), []);
  await done();
});

// overflow lists what is cut off or sticks out to the side.
const overflow = (page) => page.evaluate(() => {
  const wide = document.documentElement.scrollWidth - innerWidth;
  const cut = [...document.querySelectorAll("main :is(h1, h2, h3, p, dd, dt, li, button, a, label, summary, span, pre), header *, footer *")].filter((n) => {
    const box = n.getBoundingClientRect();
    return box.width > 0 && !n.closest(".sr, .skip, svg") && (box.right > innerWidth + 1 || box.left < -1 || n.scrollWidth > n.clientWidth + 1 && getComputedStyle(n).display !== "inline");
  });
  return [...(wide > 0 ? [`${wide} px too wide`] : []), ...cut.map((n) => n.outerHTML.slice(0, 120))];
});

test("accessibility: 320 px, text of double size and wide spacing cut nothing off (WCAG 1.4.4, 1.4.10, 1.4.12)", async () => {
  const { sealed } = await setup();
  const narrow = { viewport: { width: 320, height: 640 } };
  const large = () => { document.documentElement.style.fontSize = "200%"; };
  const spaced = () => {
    for (const n of document.body.querySelectorAll("*")) Object.assign(n.style, { lineHeight: "1.5", letterSpacing: ".12em", wordSpacing: ".16em" });
  };
  for (const [name, locale, size, change] of [["narrow", "en-US", narrow], ["narrow", "es-MX", narrow], ["large", "en-US", { viewport: { width: 1280, height: 800 } }, large],
    ["large on a phone", "es-MX", phone, large], ["spaced", "es-MX", narrow, spaced]]) {
    const { page, done } = await visit((await publish(sealed)).url, { locale, ...size });
    await eachView(page, async (where) => {
      if (change) await page.evaluate(change);
      assert.deepEqual(await overflow(page), [], `${name}, ${locale}, ${where}`);
    });
    await done();
  }
});

test("accessibility: focus is seen, and nothing lies over it (WCAG 2.4.7, 2.4.11)", async () => {
  const { sealed } = await setup();
  for (const colors of [{ colorScheme: "light" }, { colorScheme: "dark" }, { forcedColors: "active" }]) {
    const { page, done } = await visit((await publish(sealed)).url, { viewport: { width: 390, height: 640 }, reducedMotion: "reduce", ...colors });
    const walk = async (where) => {
      await page.evaluate(() => document.activeElement.blur());
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press("Tab");
        const state = await page.evaluate(() => {
          const n = document.activeElement;
          if (n === document.body) return null;
          const shown = n.matches(".pick input") ? n.nextElementSibling : n;
          const box = shown.getBoundingClientRect();
          const [x, y] = [box.left + box.width / 2, box.top + Math.min(box.height / 2, 20)];
          const over = document.elementFromPoint(x, y);
          const style = getComputedStyle(shown);
          return { what: n.outerHTML.slice(0, 100), outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
            size: Math.min(box.width, box.height), free: Boolean(over) && (shown.contains(over) || over.contains(shown)) };
        });
        if (!state) return;
        assert.ok(state.outline, `${where}: no outline on ${state.what}`);
        assert.ok(state.free, `${where}: hidden ${state.what}`);
        assert.ok(state.size >= 24, `${where}: ${state.size} px, ${state.what}`);
      }
    };
    await eachView(page, walk);
    await done();
  }
});

test("accessibility: what was typed wrongly is marked, what changes is told", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  const invalid = () => page.getAttribute("#words", "aria-invalid");
  const ringing = () => page.evaluate(() => document.activeElement.id);
  await enter(page, "crop unlit");
  await refused(page);
  assert.deepEqual([await invalid(), await ringing()], ["true", "fault"]);
  assert.equal(await page.getAttribute("#fault", "role"), "alert");
  await enter(page);
  await opened(page);
  assert.equal(await ringing(), "records-title");
  assert.match(await page.locator("#announce").textContent(), /Checking that nothing was changed/);
  await page.getByRole("button", { name: "Save Intraoral X-ray" }).click();
  assert.match(await page.locator("#status[role=status]").textContent(), /Saving Intraoral X-ray/);
  await page.getByRole("button", { name: "Save everything" }).click();
  assert.match(await page.locator("#saving[role=status]").textContent(), /keep this page open/);
  await done();
});

test("accessibility: parts in another language say so (WCAG 3.1.2)", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url, { locale: "es-MX" });
  assert.equal(await page.getByRole("button", { name: "English" }).getAttribute("lang"), "en");
  await enter(page);
  await opened(page);
  assert.equal(await page.getByText("The file has no date of its own.").getAttribute("lang"), "en");
  await done();
});

test("accessibility: reduced motion moves nothing for long", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed, { object: { hold: never } })).url, { reducedMotion: "reduce" });
  await enter(page);
  const motion = await page.evaluate(() => [...document.querySelectorAll("*")].filter((n) => {
    const style = getComputedStyle(n);
    return style.animationName !== "none" || style.scrollBehavior === "smooth" || parseFloat(style.transitionDuration) > 0;
  }).map((n) => n.outerHTML.slice(0, 80)));
  assert.deepEqual(motion, []);
  await done();
});

// still waits until the page glides no more: ten frames that show it in one place.
const still = (page) => page.evaluate(() => new Promise((done) => {
  let [at, frames] = [scrollY, 0];
  const look = () => {
    frames = scrollY === at ? frames + 1 : 0;
    at = scrollY;
    if (frames < 10) requestAnimationFrame(look);
    else done();
  };
  look();
}));

test("accessibility: with ordinary motion the page glides to what is wrong, and goes on from there", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url, { viewport: { width: 390, height: 500 }, reducedMotion: "no-preference" });
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).scrollBehavior), "smooth");
  for (const typed of ["crop unlit", "crop unlit mossy dingo relax salute"]) {
    await page.fill("#words", typed);
    await page.locator("#open").scrollIntoViewIfNeeded();
    await still(page);
    await page.click("#open");
    if (typed === "crop unlit") await page.waitForFunction(() => Math.abs(document.getElementById("fault").getBoundingClientRect().top) < 2);
  }
  await opened(page);
  await done();
});
