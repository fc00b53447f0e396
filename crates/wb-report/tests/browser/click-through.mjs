// Opens the pages in FOLDER from disk in headless Chromium and uses them as a reader would: each page as
// its own numbers and links ask for, and those of the made-up cases in the ways that only they allow.
//
// usage: node click-through.mjs FOLDER [SCREENSHOTS]
// CHROMIUM names the browser, WEIGHBRIDGE_PLAYWRIGHT a folder with node_modules/playwright-core.

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = process.env.WEIGHBRIDGE_PLAYWRIGHT ?? here;
const { chromium } = createRequire(path.join(modules, "x.js"))("playwright-core");
const [folder, screenshots] = process.argv.slice(2);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

// Opens a page; whatever it says on the console or asks of the network is a complaint.
async function open(name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => complaints.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(`error: ${error}`));
  page.on("request", (request) => {
    if (!request.url().startsWith("file:") || request.resourceType() !== "document") {
      complaints.push(`request: ${request.url()}`);
    }
  });
  page.on("dialog", (dialog) => complaints.push(`dialog: ${dialog.message()}`));
  await page.goto(pathToFileURL(path.join(folder, `${name}.html`)).href);
  return { page, context, done: async () => {
    await context.close();
    assert.deepEqual(complaints, [], name);
  } };
}

async function shoot(page, name, fullPage = true) {
  if (screenshots) await page.screenshot({ path: path.join(screenshots, `${name}.png`), fullPage });
}

async function useTheReport() {
  const { page, done } = await open("compromise");
  assert.equal(await page.locator("h1").evaluate((h1) => h1.firstChild.data), "COMPROMISED");
  await shoot(page, "light");

  const rows = page.locator(".rows > details:visible");
  const all = await rows.count();
  assert.ok(all > 5);
  await page.fill("input[name=text]", "stopped eg-12");
  assert.equal(await rows.count(), 2);
  assert.match(await page.locator("form.filter output").textContent(), /^2 of /);
  await page.fill("input[name=text]", "");
  await page.selectOption("select[name=kind]", "deploy");
  assert.equal(await rows.count(), 2);
  await page.selectOption("select[name=kind]", "");
  await page.selectOption("select[name=source]", "logs/egress.jsonl");
  assert.equal(await rows.count(), 3);
  await page.selectOption("select[name=source]", "");
  await page.check("input[name=key]");
  assert.equal(await rows.count(), 6);
  await page.uncheck("input[name=key]");
  assert.equal(await rows.count(), all);

  // A row opens to its raw record, marked among its neighbours.
  const alert = page.locator("#e9");
  assert.equal(await alert.locator("pre").isVisible(), false);
  await alert.locator("summary").click();
  const hit = alert.locator("pre .l.hit");
  assert.equal(await hit.count(), 1);
  assert.ok(await hit.isVisible());
  assert.match(await hit.textContent(), /ALERT unusual egress from gpu-07/);
  assert.ok(await alert.locator("pre .l").count() > 1);
  await shoot(page, "row", false);

  // With the keyboard as well.
  await alert.locator("summary").focus();
  await page.keyboard.press("Enter");
  assert.equal(await alert.locator("pre").isVisible(), false);

  // A mark in the drawing and a key moment lead to their row.
  await page.locator("svg a[href='#e9']").click();
  assert.equal(await page.locator("#e9").getAttribute("open"), "");
  await page.locator(".moments a").first().click();
  assert.ok(await page.locator("#e2 pre").isVisible());

  // Zooming makes the drawing wider.
  const width = () => page.locator(".chart[data-zoom] svg").evaluate((svg) => svg.clientWidth);
  const before = await width();
  await page.getByRole("button", { name: "zoom in" }).click();
  assert.ok(await width() > before * 1.9);

  // An artifact opens and closes, and a finding's link opens its artifact.
  const staged = page.locator(".artifact", { hasText: "triage-next.keras" }).first();
  await staged.locator("> summary").click();
  assert.ok(await staged.locator("td", { hasText: "score_shift" }).first().isVisible());
  await shoot(page, "artifact", false);
  await staged.locator("> summary").click();
  assert.equal(await staged.locator("table").first().isVisible(), false);
  await page.locator("#F2 .body a").first().click();
  assert.notEqual(await staged.getAttribute("open"), null);

  await page.getByRole("button", { name: "copy" }).first().click();
  await page.getByRole("button", { name: /copied|selected/ }).waitFor();
  await done();
}

async function readWithoutScript() {
  const { page, done } = await open("compromise", { javaScriptEnabled: false });
  assert.equal(await page.locator("form.filter").isVisible(), false);
  await page.locator("#e9 > summary").click();
  assert.ok(await page.locator("#e9 pre .l.hit").isVisible());
  await done();
}

async function lookInOtherWays() {
  const dark = await open("compromise", { colorScheme: "dark" });
  await shoot(dark.page, "dark");
  await dark.done();

  const narrow = await open("compromise", { viewport: { width: 400, height: 800 } });
  const overflow = await narrow.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide for a narrow screen`);
  await shoot(narrow.page, "narrow");
  await narrow.done();

  const clean = await open("clean");
  await shoot(clean.page, "clean");
  await clean.done();
}

async function surviveHostileText() {
  const { page, done } = await open("hostile");
  assert.equal(await page.evaluate(() => window.owned), undefined);
  assert.equal(await page.locator("script").count(), 1);
  assert.equal(await page.locator("img").count(), 0);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `hostile text makes the page ${overflow} pixels too wide`);
  await page.fill("input[name=text]", "<script>");
  await shoot(page, "hostile", false);
  await done();
}

async function stayUsableWhenLarge() {
  const begun = Date.now();
  const { page, done } = await open("large");
  await page.fill("input[name=text]", "request 77 ");
  await page.locator(".rows > details:visible").first().locator("summary").click();
  assert.ok(Date.now() - begun < 15_000, "a large page is slow");
  await done();
}

// Whatever the case: rows lead to records, links to places, filters to fewer rows.
async function useAnyReport(name) {
  const { page, done } = await open(name);
  assert.notEqual(await page.locator("h1").textContent(), "");
  const broken = await page.evaluate(() => [...document.querySelectorAll("a[href^='#']")]
    .map((link) => link.getAttribute("href").slice(1)).filter((id) => !document.getElementById(id)));
  assert.deepEqual(broken, [], `links of ${name} that lead nowhere`);

  const rows = page.locator(".rows > details:visible");
  const all = await rows.count();
  if (all > 0) {
    await rows.first().locator("summary").click();
    assert.ok(await rows.first().locator("pre .l.hit").isVisible());
    await page.check("input[name=key]");
    assert.equal(await rows.count(), await page.locator(".rows > details[data-key]:visible").count());
    await page.uncheck("input[name=key]");
    await page.fill("input[name=text]", "no record has this text");
    assert.equal(await rows.count(), 0);
    await page.fill("input[name=text]", "");
    assert.equal(await rows.count(), all);
  }
  for (const moment of await page.locator(".moments a").all()) {
    await moment.click();
    const row = page.locator((await moment.getAttribute("href")));
    // Rows open when the browser has told the page of its new address.
    await row.locator("pre .l.hit").first().waitFor();
  }
  for (const artifact of (await page.locator(".artifact").all()).slice(0, 20)) {
    const before = await artifact.getAttribute("open");
    await artifact.locator("> summary").click();
    assert.notEqual(await artifact.getAttribute("open"), before);
  }
  await shoot(page, `any-${name}`);
  await done();

  const narrow = await open(name, { viewport: { width: 400, height: 800 } });
  const overflow = await narrow.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${name} is ${overflow} pixels too wide for a narrow screen`);
  await narrow.done();
}

const known = {
  compromise: [useTheReport, readWithoutScript, lookInOtherWays],
  hostile: [surviveHostileText],
  large: [stayUsableWhenLarge],
};
const pages = readdirSync(folder).filter((file) => file.endsWith(".html"))
  .map((file) => path.basename(file, ".html")).sort();
assert.ok(pages.length > 0, "there is no page");

try {
  for (const name of pages) {
    for (const use of known[name] ?? []) await use();
    if (name !== "large") await useAnyReport(name);
  }
  console.log("every page works");
} finally {
  await browser.close();
}
