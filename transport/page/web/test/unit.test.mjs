// Unit tests under node: words, keys, signatures, archives, languages.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as minisign from "../src/minisign.js";
import * as zip from "../src/zip.js";
import en from "../src/i18n/en.js";
import es from "../src/i18n/es.js";
import { checkForm } from "../src/zipform.js";
import { archiveOf } from "../src/zipwrite.js";
import { fileName, sniff } from "../src/formats.js";
import { identities } from "../src/keyfile.js";
import { normalise, unknown, words } from "../src/passphrase.js";
import { check, recipientTypes } from "../src/open.js";
import * as make from "./bundle.mjs";
import { pdf } from "./phantom.mjs";
import { random, test } from "./harness.mjs";

const code = (name) => (err) => err.code === name || assert.fail(`${err.code}: ${err.message}, want ${name}`);

test("words: typed forgivingly", () => {
  const want = "crop-unlit-mossy-dingo-relax-salute";
  for (const typed of [
    want, "Crop Unlit Mossy Dingo Relax Salute", "CROP–UNLIT—MOSSY‑DINGO−RELAX-SALUTE", "  crop  unlit\nmossy\tdingo,relax; salute. ",
    "crop - unlit - mossy - dingo - relax - salute", "“crop unlit mossy dingo relax salute”", "crop\u00a0unlit\u2009mossy\u3000dingo relax salute",
    "ｃｒｏｐ unlit mossy dingo relax salute", "cro\u00adp unlit mossy dingo relax salute",
    "cropunlitmossydingorelaxsalute", "CropUnlitMossyDingoRelaxSalute", "crop unlit mossydingo relax salute", "crop un lit mossy dingo relax salute",
    "1. crop 2. unlit 3. mossy 4. dingo 5. relax 6. salute", "1crop2unlit3mossy4dingo5relax6salute", "cropu nlit mossy dingo relax salute",
  ]) assert.equal(normalise(typed), want, JSON.stringify(typed));
  assert.equal(normalise(""), "");
  assert.deepEqual(words(" - – "), []);
  assert.deepEqual(words("cropunlitmossy"), ["cropunlitmossy"]);
  assert.deepEqual(words("cropunlitmossydingorelaxsalutecrop"), ["cropunlitmossydingorelaxsalutecrop"]);
  assert.deepEqual(unknown(words("crop unlitt mossy dingo relax salutes")), [2, 6]);
});

test("words: normal form is stable", () => {
  const next = random(1);
  for (let i = 0; i < 3000; i++) {
    const typed = Array.from({ length: 12 }, () => String.fromCodePoint(Math.floor(next() * 0x3000) + 0x20)).join("");
    assert.equal(normalise(normalise(typed)), normalise(typed));
  }
});

test("key file: identities are found, other files are named", () => {
  const key = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQSC4TR0";
  assert.deepEqual(identities(`# created: 2026\r\n# public key: age1x\r\n${key}\r\n`), [key]);
  assert.deepEqual(identities(`  ${key.toLowerCase()}  \n${key}`), [key]);
  const pq = key.replace("KEY-1", "KEY-PQ-1");
  assert.deepEqual(identities(pq), [pq]);
  assert.throws(() => identities(`# ${key}`), code("bad_key_file"));
  assert.throws(() => identities("-----BEGIN OPENSSH PRIVATE KEY-----"), code("ssh_key"));
  assert.throws(() => identities("age-encryption.org/v1\n-> scrypt x 18"), code("protected_key"));
  assert.throws(() => identities("age1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"), code("public_key"));
  assert.throws(() => identities(""), code("bad_key_file"));
});

test("minisign: both algorithms verify, nothing else does", () => {
  const key = make.signer();
  const message = Buffer.from('{"schema":"x"}');
  for (const legacy of [false, true]) {
    const text = make.minisign(message, key, { legacy, comment: "when" }).toString();
    assert.equal(minisign.verify(message, text, key.publicKey), "when");
    assert.equal(minisign.verify(message, text, `untrusted comment: key\n${key.publicKey}\n`), "when");
    assert.throws(() => minisign.verify(Buffer.from("other"), text, key.publicKey), code("bad_signature"));
    assert.throws(() => minisign.verify(message, text.replace("when", "then"), key.publicKey), code("bad_signature"));
    assert.throws(() => minisign.verify(message, text, make.signer().publicKey), code("other_signer"));
    const impostor = { ...make.signer(), id: key.id };
    assert.throws(() => minisign.verify(message, make.minisign(message, impostor, { legacy }).toString(), key.publicKey), code("bad_signature"));
  }
  assert.throws(() => minisign.verify(message, "", key.publicKey), code("bad_signature"));
});

test("minisign: the minisign program's signature verifies", () => {
  const dir = mkdtempSync(join(tmpdir(), "minisign-"));
  const at = (name) => join(dir, name);
  writeFileSync(at("m.json"), '{"a":1}');
  execFileSync("minisign", ["-G", "-W", "-p", at("k.pub"), "-s", at("k.key")], { stdio: "ignore" });
  for (const flag of ["-H", "-l"]) {
    execFileSync("minisign", ["-S", flag, "-s", at("k.key"), "-m", at("m.json"), "-t", "trusted words"], { stdio: "ignore" });
    const [text, pub] = ["m.json.minisig", "k.pub"].map((n) => execFileSync("cat", [at(n)]).toString());
    assert.equal(minisign.verify(Buffer.from('{"a":1}'), text, pub), "trusted words");
  }
});

test("minisign: every changed byte of a signature is seen", () => {
  const key = make.signer();
  const message = Buffer.from("manifest");
  const text = make.minisign(message, key).toString();
  const from = text.indexOf("\n") + 1;
  for (let i = from; i < text.length - 1; i++) {
    if (text[i] === "\n") continue;
    const bad = text.slice(0, i) + (text[i] === "A" ? "B" : "A") + text.slice(i + 1);
    assert.throws(() => minisign.verify(message, bad, key.publicKey), `byte ${i}`);
  }
});

const files = [["a.txt", Buffer.from("stored")], ["d/ö.txt", Buffer.from("deflated ".repeat(999))], ["empty", Buffer.alloc(0)]];
const read = async (blob, member) => Buffer.from(await zip.bytes(blob, member, 1 << 20)).toString();

test("zip: members are listed and read", async () => {
  const blob = new Blob([make.zip(files)]);
  const members = await zip.readDirectory(blob);
  await checkForm(blob, members);
  assert.deepEqual([...members.keys()], files.map(([n]) => n));
  for (const [name, data] of files) assert.equal(await read(blob, members.get(name)), data.toString());
  await assert.rejects(zip.bytes(blob, members.get("d/ö.txt"), 10));
});

test("zip: unsafe or doubled names are refused", async () => {
  for (const name of ["../x", "/x", "a/../b", "a\\b", "C:x", "a\u0000b", "./x", ""]) {
    await assert.rejects(zip.readDirectory(new Blob([make.zip([[name, Buffer.alloc(1)]])])), /zip/, name);
  }
  await assert.rejects(zip.readDirectory(new Blob([make.zip([["A.txt", Buffer.alloc(1)], ["a.TXT", Buffer.alloc(1)]])])), /one name/);
});

test("zip: what does not belong is refused", async () => {
  const good = make.zip(files);
  const layout = async (data) => { const b = new Blob([data]); await checkForm(b, await zip.readDirectory(b)); };
  await assert.rejects(layout(Buffer.concat([good, Buffer.from("x")])));
  await assert.rejects(layout(Buffer.concat([Buffer.from("MZ"), good])));
  await assert.rejects(layout(good.subarray(0, good.length - 1)));
  await assert.rejects(layout(Buffer.alloc(0)));
});

test("zip: ZIP64 as other programs write it", async () => {
  const dir = mkdtempSync(join(tmpdir(), "zip-"));
  const script = `import zipfile,sys\nz=zipfile.ZipFile(sys.argv[1],"w",zipfile.ZIP_DEFLATED)\nwith z.open("big.txt","w",force_zip64=True) as f: f.write(b"hello "*1000)\nz.close()`;
  const path = join(dir, "z.zip");
  execFileSync("python3", ["-c", script, path]);
  const blob = new Blob([execFileSync("cat", [path])]);
  const members = await zip.readDirectory(blob);
  assert.equal((await read(blob, members.get("big.txt"))).length, 6000);
});

test("zip: a series saved as an archive passes unzip -t", async () => {
  const source = new Blob([make.zip(files)]);
  const members = await zip.readDirectory(source);
  const list = [...members.values()].map((m, i) => ({ ...m, name: i ? "Bild.dcm" : "bild.dcm" }));
  const made = Buffer.from(await (await archiveOf(source, list)).arrayBuffer());
  const path = join(mkdtempSync(join(tmpdir(), "zip-")), "s.zip");
  writeFileSync(path, made);
  assert.match(execFileSync("unzip", ["-t", path]).toString(), /No errors detected/);
  const again = await zip.readDirectory(new Blob([made]));
  await checkForm(new Blob([made]), again);
  assert.deepEqual([...again.keys()], ["bild.dcm", "Bild (2).dcm", "Bild (3).dcm"]);
});

const key = make.signer();
const sample = [
  { path: "data/CHARTS/a.pdf", kind: "chart", title: "Chart", data: pdf(["x"]) },
  { path: "data/SCANS/b.stl", kind: "scan", title: "Scan", data: Buffer.alloc(5000, 7) },
];
const expect = { signer: key.publicKey, reference: "k3v9q2m7x4ba" };
const checked = (options) => check(new Blob([make.archive(sample, key, options)]), expect, () => {});

test("check: a whole bundle verifies", async () => {
  const { records, members, manifest } = await checked();
  assert.deepEqual(records.map((r) => r.format), ["pdf", "other"]);
  assert.equal(members.size, 9);
  assert.equal(manifest.reference, "k3v9q2m7x4ba");
  await checked({ legacy: true });
});

const spoil = (path, change) => ({ change: { members: (list) => list.flatMap(([name, data]) => (name === path ? change(name, data) : [[name, data]])) } });

test("check: whatever was changed after signing is refused", async () => {
  const other = Buffer.alloc(5000, 8);
  const cases = {
    "a record's content": [spoil("data/SCANS/b.stl", (n) => [[n, other]]), "altered"],
    "a record's size": [spoil("data/SCANS/b.stl", (n, d) => [[n, d.subarray(1)]]), "altered"],
    "a record gone": [spoil("data/SCANS/b.stl", () => []), "altered"],
    "a file more": [spoil("bagit.txt", (n, d) => [[n, d], ["data/SCANS/evil.exe", other]]), "altered"],
    "an added file": [spoil("START-HERE.html", (n) => [[n, Buffer.from("<script>")]]), "altered"],
    "the tag manifest": [spoil("tagmanifest-sha256.txt", (n, d) => [[n, Buffer.concat([d, Buffer.from("evil\n")])]]), "altered"],
    "the manifest": [spoil("manifest.json", (n, d) => [[n, Buffer.from(d.toString().replace("R-2026", "R-2027"))]]), "bad_signature"],
    "no signature": [spoil("manifest.json.minisig", () => []), "unsigned"],
    "no manifest": [spoil("manifest.json", () => []), "unsigned"],
    "another release": [{ reference: "other" }, "other_release"],
    "a newer format": [{ change: { manifest: (m) => { m.schema = "chartseal/manifest/2"; } } }, "too_new"],
    "a path twice": [{ change: { manifest: (m) => { m.records.push(m.records[0]); } } }, "altered"],
    "no list": [{ change: { manifest: (m) => { m.records = null; } } }, "too_new"],
    "a strange list": [{ change: { manifest: (m) => { m.records = [null]; } } }, "altered"],
  };
  for (const [name, [options, want]] of Object.entries(cases)) await assert.rejects(checked(options), code(want), name);
  const blob = new Blob([make.archive(sample, key)]);
  await assert.rejects(check(blob, { ...expect, signer: make.signer().publicKey }, () => {}), code("other_signer"));
});

test("check: every changed bit of the archive is seen", async () => {
  // Stored, for deflate has more than one form for the same content.
  const good = make.archive(sample, key, { method: 0 });
  const next = random(3);
  const unseen = [];
  for (let i = 0; i < 400; i++) {
    const at = Math.floor(next() * good.length);
    const bad = Buffer.from(good);
    bad[at] ^= 1 << Math.floor(next() * 8);
    await check(new Blob([bad]), expect, () => {}).then(() => unseen.push(at), () => {});
  }
  assert.deepEqual(unseen, []);
});

test("age header: recipient types", () => {
  const head = Buffer.from("age-encryption.org/v1\n-> X25519 abc\nbody\n-> grease-grease x\n\n--- mac\n-> scrypt not in header");
  assert.deepEqual(recipientTypes(head), ["X25519", "grease-grease"]);
  assert.equal(recipientTypes(Buffer.from("PK")), null);
});

test("formats: told by the first bytes", () => {
  assert.equal(sniff(pdf([])), "pdf");
  assert.equal(sniff(Buffer.from([0xff, 0xd8, 0xff, 0xe0])), "jpeg");
  assert.equal(sniff(Buffer.from("<html>")), "other");
  assert.equal(sniff(Buffer.alloc(0)), "other");
});

test("formats: saved names are safe and telling", () => {
  assert.equal(fileName({ path: "data/CHARTS/2025_x.pdf", format: "pdf" }), "2025_x.pdf");
  assert.equal(fileName({ path: "data/DICOM/S1/I0000001", format: "dicom", date: "2025-03-12", title: 'CBCT: "volume"/?' }), "2025-03-12 CBCT volume I0000001.dcm");
  assert.match(fileName({ path: "I1", format: "dicom", title: "nul" }), /^nul I1\.dcm$/);
});

test("languages: the same sentences with the same values", () => {
  const holes = (s) => [...s.matchAll(/\{\w+\}/g)].map((m) => m[0]).sort().join();
  assert.deepEqual(Object.keys(es.words).sort(), Object.keys(en.words).sort());
  for (const [name, text] of Object.entries(en.words)) assert.equal(holes(es.words[name]), holes(text), name);
});

test("languages: every fault the code knows has a title and a sentence", async () => {
  const { readdirSync, readFileSync } = await import("node:fs");
  const dir = new URL("../src/", import.meta.url);
  const text = readdirSync(dir).filter((n) => n.endsWith(".js")).map((n) => readFileSync(new URL(n, dir), "utf8")).join("\n");
  const codes = [...text.matchAll(/(?:new Fault|stop|showFault)\("(\w+)"|return "(\w+)";|\? "(\w+)" : "(\w+)"/g)].flatMap((m) => m.slice(1).filter(Boolean));
  const faults = new Set(codes.filter((c) => `${c}_title` in en.words));
  for (const [, c] of text.matchAll(/(?:new Fault|stop)\("(\w+)"/g)) assert.ok(`${c}_title` in en.words && c in en.words, c);
  for (const c of ["wrong_passphrase", "wrong_key", "needs_key", "needs_passphrase", "expired", "refused", "revoked", "busy", "framed", "too_old", "unexpected", "from_disk"]) assert.ok(faults.has(c) || c in en.words, c);
});

test("languages: when the copy is deleted, and why a link is refused, is told in full", () => {
  assert.match(en.words.privacy_3, /If the browser was stopped.*the next time you open such a page/);
  assert.match(es.words.privacy_3, /Si antes se detuvo el navegador.*la próxima vez que abra/);
  for (const { words } of [en, es]) assert.ok(words.privacy_3.includes(words.close_records));
  assert.match(en.words.refused, /expired.*withdrawn.*replaced/);
  assert.match(es.words.refused, /vencido.*retirado.*sustituido/);
});
