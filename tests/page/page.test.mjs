// The page of `sgsync report`, looked at in Chromium: what it shows, that its search works by mouse and by keyboard, that
// it asks nobody for anything, and that text of others does nothing in it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import axe from "axe-core";

import { browser, html, open, ROOT, three } from "./browser.mjs";

const SCREENSHOT = join(ROOT, "docs", "report.png");
const SHOWS = new URL("screenshot.sha256", import.meta.url);

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

// A test with a page in it that, whatever else it does, must be quiet.
function looking(name, look, { text = html(three()), ...options } = {}) {
  test(name, async () => {
    const { page, did, close } = await open(chromium, text, options);
    try {
      await look(page);
      if (options.javaScriptEnabled !== false) assert.deepEqual(await page.evaluate(() => window.violations), []);
      assert.deepEqual(did, []);
    } finally {
      await close();
    }
  });
}

const rows = (page) => page.locator("table.rules tbody tr:visible");
const RULES = three().targets.flatMap((target) => target.rules ?? []).length;

looking("shows every member, rule and finding", async (page) => {
  assert.equal(await page.title(), "orders-db at 2026-11-20T08:30:12Z");
  const picture = page.getByRole("img", { name: /members of orders-db/ });
  assert.equal(await picture.locator("g.member").count(), 3);
  for (const words of ["live", "stale", "unreachable"]) {
    assert.ok(await picture.getByText(words, { exact: true }).isVisible(), words);
  }
  assert.equal(await picture.locator("path.arrow").count(), 5); // One pair in one arrow, two in two each.
  assert.equal(await page.getByRole("region", { name: "Who may reach whom" }).locator("tbody tr").count(), 9);
  assert.equal(await rows(page).count(), RULES);
  assert.equal(await page.locator(".findings li").count(), 4);
  assert.equal(await page.getByText("Its rules could not be read.").count(), 1);
  const meter = page.getByRole("meter", { name: "IPv4: 52 rules of 60" });
  assert.deepEqual(await meter.evaluate((m) => [m.value, m.max, m.high]), [52, 60, 48]);
});

looking("leaves the letters out where every arrow means the same", async (page) => {
  assert.equal(await page.locator("path.arrow").count(), 3);
  assert.equal(await page.locator("circle.key").count(), 0);
  assert.ok(await page.getByText("tcp 9042, and so is every arrow").isVisible());
}, { text: html({ ...three(), reach: three().reach.map((reach) => ({ ...reach, traffic: ["tcp 9042"] })) }) });

// Whether a text of the picture is wider than its box, or an arrow runs through another member's box.
looking("keeps the picture's texts in their boxes", async (page) => {
  const outside = await page.evaluate(() => Array.from(document.querySelectorAll("g.member"), (member) => {
    const box = member.querySelector("rect").getBoundingClientRect();
    return Array.from(member.querySelectorAll("text")).filter((text) => {
      const here = text.getBoundingClientRect();
      return here.left < box.left || here.right > box.right || here.top < box.top || here.bottom > box.bottom;
    }).map((text) => text.textContent);
  }).flat());
  assert.deepEqual(outside, []);
});

looking("finds rules by every word, and says how many", async (page) => {
  const search = page.getByRole("searchbox", { name: "Search all rules" });
  const status = page.locator("#found");
  assert.equal(await status.textContent(), `${RULES} rules`);
  for (const [words, count] of [
    ["203.0.113.97", 1],
    ["I-0A110000000000099", 1],
    ["  to   revoke ", 1],
    ["7000-7001 192.0.2.1/32 wanted", 1],
    ["friends'", 1],
    ["no such rule", 0],
    ["22 bastion office", 0],
  ]) {
    await search.fill(words);
    assert.equal(await rows(page).count(), count, words);
    assert.match(await status.textContent(), new RegExp(`^${count} of ${RULES} rules match `));
  }
  assert.equal(await page.getByText("No rule of this group matches.").filter({ visible: true }).count(), 2);
  await search.fill("");
  assert.equal(await rows(page).count(), RULES);
});

looking("is used by keyboard alone", async (page) => {
  const focused = () => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "To the search");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  // Chromium moves on from where a link led; the search itself is where it led to.
  if (await focused() !== "search") await page.keyboard.press("Shift+Tab");
  assert.equal(await focused(), "search");
  await page.keyboard.type("held");
  assert.equal(await rows(page).count(), 1);
  await page.keyboard.press("Enter");
  assert.equal(await rows(page).count(), 1);
  await page.keyboard.press("Escape");
  assert.equal(await rows(page).count(), RULES);
  await page.keyboard.press("Tab");
  const region = await page.evaluate(() => [document.activeElement.getAttribute("role"), document.activeElement.tabIndex]);
  assert.deepEqual(region, ["region", 0]);
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, "solid");
});

for (const colorScheme of ["light", "dark"]) {
  looking(`can be read by everybody, ${colorScheme}`, async (page) => {
    await page.evaluate(axe.source);
    for (const words of ["", "held", "no such rule"]) {
      await page.locator("#search").fill(words);
      const { violations, passes } = await page.evaluate(() => window.axe.run(document));
      assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes.map((node) => node.html)]), []);
      assert.ok(passes.some(({ id }) => id === "color-contrast"));
    }
  }, { colorScheme });
}

const paper = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

looking("is dark where people want it dark", async (page) => {
  assert.equal(await paper(page), "rgb(15, 19, 23)");
}, { colorScheme: "dark" });

looking("prints black on white, all of it, and says if it is a part", async (page) => {
  await page.locator("#search").fill("held");
  await page.emulateMedia({ media: "print" });
  assert.equal(await paper(page), "rgb(255, 255, 255)");
  assert.equal(await page.getByRole("navigation").count(), 0);
  assert.equal(await page.locator("#search").isVisible(), false);
  assert.ok(await page.getByText(`1 of ${RULES} rules match “held”`).isVisible());
  await page.locator("#search").evaluate((search) => { search.value = ""; search.dispatchEvent(new Event("input")); });
  assert.equal(await rows(page).count(), RULES);
  const pdf = (await page.pdf({ format: "A4" })).toString("latin1");
  assert.ok(pdf.startsWith("%PDF-") && Number(pdf.match(/\/Count (\d+)/)[1]) >= 2);
}, { colorScheme: "dark" });

looking("fits a telephone", async (page) => {
  assert.deepEqual(await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]), [360, 360]);
}, { viewport: { width: 360, height: 700 } });

looking("shows every rule without its script, and no search", async (page) => {
  assert.equal(await rows(page).count(), RULES);
  assert.equal(await page.locator("#search").isVisible(), false);
}, { javaScriptEnabled: false });

// Ends whatever it is put into, and says so in the one way that cannot be overlooked.
const HOSTILE = `"'></title></style></script></text></svg><script>alert(1)</script><img src=x onerror=alert(2)>`
  + `<svg onload=alert(3)></svg><a href="javascript:alert(4)" autofocus onfocus=alert(5)>\u202e`;

// Every text of a snapshot with something hostile in it, but for the words and times that have to be what they are.
const poisoned = (value, key = "") =>
  Array.isArray(value) ? value.map((item) => poisoned(item, key))
    : value && typeof value === "object"
      ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, poisoned(item, name)]))
      : typeof value !== "string" || /^(at|observed_at|health|standing|severity)$/.test(key) ? value : value + HOSTILE;

looking("shows markup of others as text", async (page) => {
  const text = "bastion <script>document.title = \"owned\"</script> & 'friends'";
  assert.equal(await rows(page).filter({ hasText: text }).count(), 1);
  assert.equal(await page.locator("script").count(), 1);
});

looking("does nothing that any text in it asks for", async (page) => {
  assert.equal(await page.locator("script").count(), 1);
  assert.equal(await page.locator("img, [onload], [onerror], [onfocus], [href^=javascript], svg svg").count(), 0);
  assert.equal(await rows(page).count(), RULES);
  assert.match(await page.title(), /<script>alert\(1\)<\/script>/);
  await page.locator("#search").fill("<script>alert(1)</script>");
  assert.equal(await rows(page).count(), RULES);
}, { text: html(poisoned(three())) });

test("its policy stops what would get in all the same", async () => {
  const { page, did, close } = await open(chromium, html(three()));
  await page.evaluate(() => {
    document.body.insertAdjacentHTML("beforeend", "<img src='http://127.0.0.1:9/x'><p style='color: red' onclick='alert(1)'>");
    document.body.appendChild(document.createElement("script")).text = "alert(2)";
    document.body.appendChild(document.createElement("style")).textContent = "body { color: red }";
    document.querySelector("p[style]").click();
  });
  await page.waitForFunction(() => window.violations.length >= 5);
  const stopped = await page.evaluate(() => [...new Set(window.violations)].sort());
  assert.deepEqual(stopped, ["img-src", "script-src-attr", "script-src-elem", "style-src-attr", "style-src-elem"]);
  assert.ok(!did.some((what) => what.startsWith("dialog")), did.join("\n"));
  await close();
});

test("a page that does what it must not is noticed", async () => {
  const { did, close } = await open(chromium, "<script>console.log(1); alert(2); fetch('http://127.0.0.1:9/'); x.y</script>");
  const kinds = new Set(did.map((what) => what.split(":")[0]));
  for (const kind of ["console log", "dialog", "error", "request"]) assert.ok(kinds.has(kind), kind);
  await close();
});

// UPDATE_DOCS=1 takes it anew. Pictures differ a little from machine to machine, so what is compared is the page.
test("docs/report.png shows the page as it is", async () => {
  const text = html(three());
  const hash = createHash("sha256").update(text).digest("hex");
  if (process.env.UPDATE_DOCS) {
    const { page, close } = await open(chromium, text, { colorScheme: "light" });
    await page.locator("#search").fill("wanted");
    await page.screenshot({ path: SCREENSHOT, fullPage: true });
    writeFileSync(SHOWS, `${hash}\n`);
    await close();
  }
  assert.equal(readFileSync(SHOWS, "utf8").trim(), hash, "take it anew: UPDATE_DOCS=1 make page");
  assert.ok(readFileSync(SCREENSHOT).length > 50_000);
});
