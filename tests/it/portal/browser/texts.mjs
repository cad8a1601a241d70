// Opens pages that are made of hostile texts: nothing of them may run, and nothing may be blocked either.
import { main, watched } from './kit.mjs';

await main(async (browser, { origin, pages }) => {
  const wrong = [];
  const { context, faults } = await watched(browser, origin, { viewport: { width: 360, height: 780 } });
  const page = await context.newPage();
  for (const { path } of pages) {
    await page.goto(origin + path, { waitUntil: 'load' });
    if (path === '/docs/explorer') {
      await page.waitForSelector('.opblock');
      await page.click('.opblock-summary-control');
      await page.waitForSelector('.opblock-body');
    }
    if (await page.evaluate(() => globalThis.__x !== undefined)) wrong.push(`${path}: a script ran`);
    for (const fault of faults.splice(0)) wrong.push(`${path}: ${fault}`);
  }
  await context.close();
  return wrong;
});
