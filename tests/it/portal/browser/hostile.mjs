// Opens pages that show what ill-meaning people wrote, and sees that no word of it ran.
import { main, signIn, watched } from './kit.mjs';

await main(async (browser, { origin, cookie, pages }) => {
  const wrong = [];
  const { context, faults } = await watched(browser, origin, { viewport: { width: 1280, height: 800 } });
  await signIn(context, origin, cookie);
  const page = await context.newPage();
  page.on('dialog', async (dialog) => {
    wrong.push(`${page.url()}: a dialog opened`);
    await dialog.dismiss();
  });
  for (const path of pages) {
    const answer = await page.goto(origin + path, { waitUntil: 'load' });
    const found = await page.evaluate(() => ({
      ran: globalThis.__x,
      handlers: document.querySelectorAll('[onerror], [onload], [onclick], img[src="x"]').length,
      inline: [...document.querySelectorAll('script')].filter((s) => s.textContent.trim() !== '').length,
      styles: document.querySelectorAll('style').length,
      // Links go to pages of ours or to the web, never to a script.
      links: [...document.querySelectorAll('a[href], form[action]')]
        .map((e) => e.getAttribute('href') ?? e.getAttribute('action'))
        .filter((to) => !/^(https?:|\/(?!\/)|#|\?|mailto:)/.test(to)),
    }));
    if (found.ran !== undefined) wrong.push(`${path}: a script ran`);
    if (found.handlers > 0) wrong.push(`${path}: ${found.handlers} handlers`);
    if (found.inline > 0) wrong.push(`${path}: ${found.inline} inline scripts`);
    if (found.styles > 0 && !path.startsWith('/docs/explorer')) wrong.push(`${path}: ${found.styles} inline styles`);
    if (found.links.length > 0) wrong.push(`${path}: links to ${found.links.join(' ')}`);
    const bad = answer.status() === 200 ? faults : faults.filter((f) => !f.startsWith('console: Failed to load'));
    for (const fault of bad) wrong.push(`${path}: ${fault}`);
    faults.length = 0;
  }
  await context.close();
  return wrong;
});
