// The viewer: pictures, radiographs, volumes, documents.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as make from "./bundle.mjs";
import * as d from "./dicomfile.mjs";
import { test } from "./harness.mjs";
import { slices } from "./phantom.mjs";
import { enter, lit, opened, pdfShown, publish, setup, signer, view, visit } from "./stage.mjs";

const keysNamed = (page) => page.locator(".v-note .keys").textContent();

test("viewer: pictures, radiographs and PDF files", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  await enter(page);
  await opened(page);
  for (const name of ["View Photograph", "View Panoramic", "View Intraoral"]) {
    await view(page, name);
    assert.match(await keysNamed(page), /^Keys: Shift and arrows move/, "no keys that do nothing");
    const before = await lit(page);
    assert.ok(before > 1000, `${name}: ${before}`);
    await page.getByRole("button", { name: "Invert" }).click();
    assert.notEqual(await lit(page), before, name);
    await page.getByRole("button", { name: "Close", exact: true }).click();
  }
  await page.getByRole("button", { name: "View Chart" }).click();
  assert.match(await pdfShown(page), /^blob:/);
  await page.keyboard.press("Escape");
  await done();
});

test("viewer: what is opened before the last one has closed is not emptied by it", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  await enter(page);
  await opened(page);
  for (const closes of ["Close", null]) {
    await view(page, "View Photograph");
    await page.evaluate((label) => new Promise((told) => { // in one task, before the dialog tells that it has closed
      const dialog = document.querySelector("dialog");
      dialog.addEventListener("close", () => setTimeout(told), { once: true });
      if (label) [...dialog.querySelectorAll("button")].find((b) => b.textContent === label).click();
      document.querySelector("#records [aria-label^='View Intraoral']").click();
    }), closes);
    await page.waitForSelector(".pane canvas[aria-label]");
    assert.match(await page.locator("#viewer-title").textContent(), /Intraoral/);
    assert.equal(await page.locator(".pane").count(), 1);
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "hidden" });
    await page.waitForFunction(() => document.querySelector("dialog").childElementCount === 0);
  }
  await done();
});

test("viewer: a series in three planes, moved by mouse, slider and keys", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  await enter(page);
  await opened(page);
  await view(page, "View 3D scan");
  assert.equal(await page.locator(".pane").count(), 3);
  for (const n of [0, 1, 2]) assert.ok(await lit(page, n) > 300, `pane ${n}`);
  const name = (n) => page.locator(".pane .name").nth(n).textContent();
  assert.equal(await name(0), "Axial: picture 13 of 24");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Close");
  assert.match(await keysNamed(page), /^Keys: arrow up and down change the picture/);
  await page.keyboard.press("ArrowDown");
  assert.equal(await name(0), "Axial: picture 14 of 24");
  await page.keyboard.press("ArrowUp");
  await page.locator(".pane input").first().focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await name(0), "Axial: picture 14 of 24");
  await page.locator(".pane .well").first().focus();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("PageUp");
  assert.equal(await name(0), "Axial: picture 3 of 24");
  await page.locator(".pane canvas").first().click({ position: { x: 120, y: 200 } });
  assert.notEqual(await name(1), "Coronal: picture 25 of 48");
  await page.mouse.wheel(0, 100);
  assert.equal(await name(0), "Axial: picture 4 of 24");
  await page.keyboard.press("Home");
  for (const button of ["Coronal", "Sagittal", "All", "Brightness", "Larger", "Smaller", "Darker", "More contrast", "Reset"]) {
    await page.getByRole("button", { name: button, exact: true }).click();
  }
  await page.getByRole("combobox").selectOption("bone");
  await page.mouse.move(300, 400);
  await page.mouse.down();
  await page.mouse.move(340, 300);
  await page.mouse.up();
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("dialog").isVisible(), false);
  await done();
});

test("viewer: compressed radiographs, and what cannot be shown is offered to save", async () => {
  const { jpeg } = await setup();
  const elements = d.image({ rows: 120, columns: 200, allocated: 8, samples: 3, photometric: "YBR_FULL_422" });
  const list = [
    { path: "data/DICOM/S0000001/I0000001", kind: "radiograph", title: "JPEG", data: d.file(d.syntaxes.jpeg, elements, { pixels: d.encapsulate([jpeg]) }) },
    { path: "data/DICOM/S0000001/I0000002", kind: "radiograph", title: "Split JPEG", data: d.file(d.syntaxes.jpeg, elements, { pixels: d.encapsulate([[jpeg.subarray(0, 500), jpeg.subarray(500)]]) }) },
    { path: "data/DICOM/S0000001/I0000003", kind: "radiograph", title: "New kind", data: d.file(d.syntaxes.jpeg2000, elements, { pixels: d.encapsulate([jpeg]) }) },
    { path: "data/PHOTOS/x.png", kind: "photo", title: "Broken", data: Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), Buffer.alloc(50)]) },
  ];
  const { page, done } = await visit((await publish(await make.seal(make.archive(list, signer)))).url);
  await enter(page);
  await opened(page);
  for (const name of ["View JPEG", "View Split JPEG"]) {
    await view(page, name);
    assert.ok(await lit(page) > 1000);
    await page.keyboard.press("Escape");
  }
  for (const name of ["New kind", "Broken"]) {
    await page.getByRole("button", { name: `View ${name}` }).click();
    await page.getByText("This file cannot be shown here").waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".v-message button").click()]);
    assert.ok(readFileSync(await download.path()).equals(list.find((r) => r.title === name).data));
    await page.keyboard.press("Escape");
  }
  await done();
});

test("viewer: the picture is moved by dragging, by clicks and by keys", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  await enter(page);
  await opened(page);
  await view(page, "View Intraoral");
  const shot = () => page.evaluate(() => document.querySelector(".pane canvas").toDataURL());
  await page.getByRole("button", { name: "Larger" }).click();
  await page.getByRole("button", { name: "Move", exact: true }).click();
  const box = await page.locator(".pane canvas").boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const seen = [await shot()];
  const changed = async (how) => {
    const now = await shot();
    assert.ok(!seen.includes(now), how);
    seen.push(now);
  };
  await page.mouse.click(x + 60, y + 30);
  await changed("click");
  await page.mouse.move(x, y);
  await page.mouse.down();
  await page.mouse.move(x - 90, y - 70, { steps: 3 });
  await page.mouse.up();
  await changed("drag");
  await page.locator(".pane .well").focus();
  for (const key of ["ArrowLeft", "ArrowUp"]) {
    await page.keyboard.press(`Shift+${key}`);
    await changed(key);
  }
  await done();
});

test("viewer: a series with a slice missing or doubled is shown picture by picture, and says so", async () => {
  const all = slices({ size: 24, count: 12 });
  const list = [["Gap", all.filter((_, i) => i !== 4)], ["Twice", [...all, all[4]]], ["Whole", all]].flatMap(([title, files], s) => files.map((data, i) => ({
    path: `data/DICOM/S000000${s}/I000000${i.toString(16)}`, kind: "cbct", title, data: Buffer.from(data.toString("latin1").replace("1.2.3.9\0", `1.2.3.${s}\0`), "latin1"),
  })));
  const { page, done } = await visit((await publish(await make.seal(make.archive(list, signer)))).url);
  await enter(page);
  await opened(page);
  for (const [title, panes] of [["Gap", 1], ["Twice", 1], ["Whole", 3]]) {
    await view(page, `View ${title}`);
    assert.equal(await page.locator(".pane").count(), panes, title);
    assert.equal(/may be missing or doubled.*shown one by one/.test(await page.locator(".v-note").innerText()), panes === 1, title);
    await page.keyboard.press("Escape");
  }
  await done();
});

test("viewer: a button of the tool bar keeps the focus, and keys go on working", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  await enter(page);
  await opened(page);
  await view(page, "View 3D scan");
  const name = () => page.locator(".pane .name").first().textContent();
  let n = 13;
  for (const label of ["Axial", "All", "Move", "Brightness", "Invert", "Darker", "Reset"]) {
    await page.getByRole("button", { name: label, exact: true }).focus();
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), label);
    await page.keyboard.press("ArrowDown");
    assert.equal(await name(), `Axial: picture ${++n} of 24`, label);
  }
  const pressed = () => page.locator(".v-tools [aria-pressed=true]").allTextContents();
  assert.deepEqual(await pressed(), ["All", "Brightness"]);
  await page.keyboard.press("i");
  assert.deepEqual(await pressed(), ["All", "Brightness", "Invert"]);
  await done();
});

test("viewer: the list of windows names the one that is used", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  await enter(page);
  await opened(page);
  await view(page, "View 3D scan");
  const list = page.getByRole("combobox");
  const shown = () => list.evaluate((node) => node.selectedOptions[0].textContent);
  const press = (label) => page.getByRole("button", { name: label, exact: true }).click();
  const start = await lit(page);
  await list.selectOption("full");
  for (const label of ["Invert", "Move", "Invert"]) await press(label);
  assert.equal(await shown(), "Full range");
  await list.selectOption("auto");
  assert.equal(await lit(page), start);
  await press("Brighter");
  assert.equal(await shown(), "Own setting");
  await list.selectOption("bone");
  assert.equal(await shown(), "Bone and teeth");
  assert.equal(await list.locator("[value=own]").evaluate((node) => node.hidden), true);
  await press("Reset");
  assert.equal(await shown(), "As stored");
  assert.equal(await lit(page), start);
  await done();
});

test("viewer: a window that the file does not store is not called stored", async () => {
  const picture = (...more) => d.file(d.syntaxes.explicit, [...d.image({ rows: 8, columns: 8, more }), d.pixelData(Uint16Array.from({ length: 64 }, (_, i) => i * 40))]);
  const window = [[0x00281050, "DS", "1200"], [0x00281051, "DS", "2000"]];
  const files = { Linear: picture(...window), Curve: picture(...window, [0x00281056, "CS", "SIGMOID"]), None: picture() };
  const list = Object.entries(files).map(([title, data], i) => ({ path: `data/DICOM/S0000001/I000000${i}`, kind: "radiograph", title, data }));
  const { page, done } = await visit((await publish(await make.seal(make.archive(list, signer)))).url);
  await enter(page);
  await opened(page);
  for (const [title, want] of [["Linear", "As stored"], ["Curve", "Automatic"], ["None", "Automatic"]]) {
    await view(page, `View ${title}`);
    assert.equal(await page.getByRole("combobox").evaluate((node) => node.selectedOptions[0].textContent), want, title);
    await page.keyboard.press("Escape");
  }
  await done();
});

test("viewer: sides can be read on black and on white", async () => {
  const { sealed } = await setup();
  const { page, done } = await visit((await publish(sealed)).url);
  await enter(page);
  await opened(page);
  await view(page, "View 3D scan");
  await page.getByRole("button", { name: "Axial", exact: true }).click();
  // at the top edge lies air, black as stored, and the mark of the front
  const shades = () => page.evaluate(() => {
    const canvas = document.querySelector(".pane canvas");
    const { data } = canvas.getContext("2d").getImageData(canvas.width / 2 - 14, 2, 28, 26);
    const sums = Array.from({ length: data.length / 4 }, (_, p) => data[p * 4] + data[p * 4 + 1] + data[p * 4 + 2]);
    return { dark: sums.filter((v) => v < 120).length, light: sums.filter((v) => v > 450).length };
  });
  const before = await shades();
  assert.ok(before.dark > 300 && before.light > 20, JSON.stringify(before));
  await page.getByRole("button", { name: "Invert" }).click();
  const after = await shades();
  assert.ok(after.light > 300 && after.dark > 20, JSON.stringify(after));
  await done();
});

test("viewer: a damaged frame is said to be damaged, and no other is shown for it", async () => {
  const [rows, columns] = [16, 20];
  const parts = [0, 1, 2].map((n) => d.rle(Buffer.from(Uint16Array.from({ length: rows * columns }, (_, i) => i * 100 + n).buffer), 2));
  parts[2] = parts[2].subarray(0, 80);
  const data = d.file(d.syntaxes.rle, d.image({ rows, columns, frames: 3 }), { pixels: d.encapsulate(parts) });
  const list = [{ path: "data/DICOM/S0000001/I0000001", kind: "radiograph", title: "Frames", data }];
  const { page, done } = await visit((await publish(await make.seal(make.archive(list, signer)))).url);
  await enter(page);
  await opened(page);
  await view(page, "View Frames");
  const seen = async () => [await page.locator(".pane .name").textContent(), await page.locator(".pane .flaw").textContent(), await lit(page) > 1000];
  assert.deepEqual(await seen(), ["Picture: picture 2 of 3", "", true]);
  await page.keyboard.press("End");
  await page.getByText("This picture is damaged").waitFor();
  assert.deepEqual(await seen(), ["Picture: picture 3 of 3", "This picture is damaged and cannot be shown.", false]);
  for (const label of ["Larger", "Invert", "Reset"]) await page.getByRole("button", { name: label }).click();
  await page.locator(".pane canvas").click();
  await page.keyboard.press("Home");
  await page.getByText("picture 1 of 3").waitFor();
  assert.deepEqual(await seen(), ["Picture: picture 1 of 3", "", true]);
  await done();
});

test("viewer: each picture of a stack is shown by its own meaning of values", async () => {
  const place = (k) => [[0x00080060, "CS", "CT"], [0x0020000e, "UI", "1.2.3.7"], [0x00200013, "IS", k], [0x00281050, "DS", "500"], [0x00281051, "DS", "1000"]];
  const values = (of) => d.pixelData(Uint16Array.from({ length: 64 }, (_, i) => of(i % 8 < 2 ? 900 : 100)));
  const kinds = [
    [{}, [], (v) => v], [{ photometric: "MONOCHROME1" }, [], (v) => 1000 - v], [{}, [[0x00281052, "DS", "-3000"], [0x00281053, "DS", "2"]], (v) => (v + 3000) / 2],
  ];
  const list = [0, 1, 2, 3, 4, 5].map((k) => {
    const [options, more, of] = kinds[k % 3];
    return { path: `data/DICOM/S0000001/I000000${k}`, kind: "cbct", title: "Mixed", data: d.file(d.syntaxes.explicit, [...d.image({ rows: 8, columns: 8, more: [...place(k), ...more], ...options }), values(of)]) };
  });
  const { page, done } = await visit((await publish(await make.seal(make.archive(list, signer)))).url);
  await enter(page);
  await opened(page);
  await view(page, "View Mixed");
  const seen = [];
  for (const key of ["Home", "ArrowDown", "ArrowDown"]) {
    await page.keyboard.press(key);
    await page.waitForTimeout(100);
    seen.push(await lit(page));
  }
  assert.ok(seen[0] > 1000 && seen.every((n) => Math.abs(n - seen[0]) < 10), seen.join());
  await done();
});
