// A browser, a page in it, and everything that the page did besides showing itself.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { chromium } from "playwright-core";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const HOME = fileURLToPath(new URL("node_modules/.browser/", import.meta.url));
const PAGES = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "debug", "examples", "page");

export const three = () => JSON.parse(readFileSync(join(ROOT, "report/tests/meshes/three.json"), "utf8"));

// Chromium as the package has it, unpacked once. It brings the libraries and fonts it needs, as it does on Lambda, so
// that nothing has to be installed and the page looks the same everywhere.
export async function browser() {
  mkdirSync(HOME, { recursive: true });
  Object.assign(process.env, { TMPDIR: HOME, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs20.x" });
  const { default: packed } = await import("@sparticuz/chromium");
  const executablePath = await packed.executablePath();
  // Not the package's own arguments: those turn off what is to be tested, such as web security.
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--no-zygote", "--font-render-hinting=none"] });
}

// The page of a snapshot, as the crate makes it.
export const html = (snapshot) =>
  execFileSync(PAGES, { input: JSON.stringify(snapshot), maxBuffer: 2 ** 26 }).toString();

// Opens it from a file, as a person would. `did` notes what a page must not do.
export async function open(browser, text, options = {}) {
  const folder = mkdtempSync(join(HOME, "page-"));
  const file = join(folder, "report.html");
  writeFileSync(file, text);
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const url = pathToFileURL(file).href;
  const did = [];
  page.on("console", (message) => did.push(`console ${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => did.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => { did.push(`dialog: ${dialog.message()}`); return dialog.dismiss(); });
  page.on("popup", () => did.push("popup"));
  page.on("request", (request) => { if (request.url() !== url) did.push(`request: ${request.url()}`); });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
  });
  await page.goto(url);
  const close = async () => { await context.close(); rmSync(folder, { recursive: true }); };
  return { page, did, close };
}
