// Chromium, driven by playwright-core, and the page as a release uploads it.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, firefox } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP records.test 127.0.0.1"];

function executable() {
  return find("CHROMIUM", "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome");
}

function find(variable, ...paths) {
  const found = [process.env[variable], ...paths].find((path) => path && existsSync(path));
  if (!found) throw new Error(`no ${variable.toLowerCase()}: install it or set ${variable}`);
  return found;
}

export const launch = () => chromium.launch({ executablePath: executable(), args: flags });

// launchProfile opens an ordinary window, whose storage is on disk.
export const launchProfile = (folder) => chromium.launchPersistentContext(folder, {
  executablePath: executable(), args: flags, viewport: { width: 1100, height: 900 }, acceptDownloads: true, reducedMotion: "reduce",
});

// launchFirefox starts a stock Firefox that saves into a folder.
export const launchFirefox = (folder, prefs) => firefox.launch({
  channel: "moz-firefox", executablePath: find("FIREFOX", "/usr/bin/firefox-esr", "/usr/bin/firefox"), downloadsPath: folder,
  firefoxUserPrefs: { "browser.download.dir": folder, "browser.download.folderList": 2, "browser.download.always_ask_before_handling_new_types": false, "ui.prefersReducedMotion": 1, ...prefs },
});

let renderer;

// render runs page.Render of the Go package.
export function render(data) {
  if (!renderer) {
    renderer = join(mkdtempSync(join(tmpdir(), "page-render-")), "render");
    execFileSync("go", ["build", "-o", renderer, "./render"], { cwd: here });
  }
  return execFileSync(renderer, { input: JSON.stringify(data), maxBuffer: 1 << 26 });
}

export const practice = {
  Name: "Lakeside Dental", Address: "1 Main Street, Albany NY",
  Contact: { Name: "Privacy Officer", Phone: "+1 518 555 0100", Email: "privacy@lakeside.example" },
};

export const inDays = (n) => new Date(Date.now() + n * 86400000).toISOString().replace(/\.\d+/, "");
