// The search as readers use it: by keyboard alone, with and without scripts, wide and narrow.
import { assert, main, watched } from './kit.mjs';

const LOOKS = [
  { name: 'wide without scripts', viewport: { width: 1280, height: 800 }, javaScriptEnabled: false },
  { name: 'narrow without scripts', viewport: { width: 360, height: 780 }, javaScriptEnabled: false },
  { name: 'wide', viewport: { width: 1280, height: 800 } },
  { name: 'narrow', viewport: { width: 360, height: 780 } },
];

/** Presses Tab until what has the focus is this. */
async function tabTo(page, selector) {
  for (let n = 0; n < 60; n += 1) {
    await page.keyboard.press('Tab');
    if ((await page.locator(`${selector}:focus`).count()) > 0) return;
  }
  throw new Error(`${selector} is not reached by Tab`);
}

await main(async (browser, { origin, hostile }) => {
  const wrong = [];
  for (const look of LOOKS) {
    const hasScripts = look.javaScriptEnabled !== false;
    const { context, faults } = hasScripts
      ? await watched(browser, origin, look)
      : { context: await browser.newContext(look), faults: [] };
    const page = await context.newPage();
    await page.goto(`${origin}/docs`);
    const isNarrow = look.viewport.width < 600;
    const field = isNarrow ? '#docs-q-narrow' : '#docs-q';
    if (hasScripts) {
      await page.keyboard.press('Control+k');
      await page.locator(`${field}:focus`).waitFor();
    } else {
      if (isNarrow) {
        await tabTo(page, '.docs-menu > summary');
        await page.keyboard.press('Enter');
      }
      await tabTo(page, field);
    }
    await page.keyboard.type('retry-after');
    await Promise.all([page.waitForURL(/\/docs\/search\?q=retry-after$/), page.keyboard.press('Enter')]);
    assert((await page.locator('#search-q').inputValue()) === 'retry-after', `${look.name}: what was searched for stands in the field`);
    await tabTo(page, '.hits li:first-child a');
    await Promise.all([page.waitForURL(/\/docs\/guides\/rate-limits#when-you-are-over$/), page.keyboard.press('Enter')]);
    // The section is not under the bar at the top.
    const heading = page.locator('#when-you-are-over');
    await heading.waitFor();
    let bar, at, isShown;
    const end = Date.now() + 5_000;
    do {
      bar = await page.locator('header.top').boundingBox();
      at = await heading.boundingBox();
      isShown = at.y >= bar.y + bar.height && at.y <= look.viewport.height / 2;
    } while (!isShown && Date.now() < end);
    if (!isShown) {
      wrong.push(`${look.name}: the heading is at ${at.y}, the bar ends at ${bar.y + bar.height}`);
    }
    for (const query of hostile) {
      const answer = await page.goto(`${origin}/docs/search?q=${encodeURIComponent(query)}`);
      if (answer.status() !== 200) wrong.push(`${look.name}: ${query.slice(0, 40)}: ${answer.status()}`);
      if ((await page.locator('[role="status"]').count()) === 0) wrong.push(`${look.name}: ${query.slice(0, 40)}: nothing is said`);
      if (hasScripts && (await page.evaluate(() => globalThis.__x))) wrong.push(`${look.name}: a script ran`);
    }
    for (const fault of faults.splice(0)) wrong.push(`${look.name}: ${fault}`);
    await context.close();
  }
  return wrong;
});
