// Opens every page in light and dark, wide and narrow: a picture of each, and what is wrong with it.
import { join } from 'node:path';
import { axe, main, signIn, watched } from './kit.mjs';

const LOOKS = [
  { name: 'light-wide', colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  { name: 'dark-wide', colorScheme: 'dark', viewport: { width: 1280, height: 800 } },
  { name: 'light-narrow', colorScheme: 'light', viewport: { width: 360, height: 780 } },
  { name: 'dark-narrow', colorScheme: 'dark', viewport: { width: 360, height: 780 } },
];

await main(async (browser, { origin, cookie, pages, shots }) => {
  const wrong = [];
  for (const look of LOOKS) {
    const { context, faults } = await watched(browser, origin, look);
    if (cookie) await signIn(context, origin, cookie);
    const page = await context.newPage();
    for (const { name, path, status = 200 } of pages) {
      const answer = await page.goto(origin + path, { waitUntil: 'load' });
      await page.evaluate(() => document.fonts.ready);
      const at = `${path} (${look.name})`;
      if (answer.status() !== status) wrong.push(`${at}: status ${answer.status()}`);
      const { over, headings } = await page.evaluate(() => ({
        over: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        headings: document.querySelectorAll('h1').length,
      }));
      if (over > 0) wrong.push(`${at}: ${over} pixels too wide`);
      if (headings !== 1) wrong.push(`${at}: ${headings} headings of the first rank`);
      for (const found of await axe(page)) wrong.push(`${at}: axe ${found}`);
      // Of a page that is a refusal the browser's console says so.
      const told = (fault) => status < 400 || !fault.includes(`status of ${status}`);
      for (const fault of faults.splice(0).filter(told)) wrong.push(`${at}: ${fault}`);
      await page.screenshot({ path: join(shots, `${name}-${look.name}.png`), fullPage: true });
    }
    await context.close();
  }
  return wrong;
});
