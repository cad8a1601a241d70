// Signs in by a link as a backend's redirect does, from another site; switches, chooses colours, signs out.
import { createServer } from 'node:http';
import { assert, axe, main, watched } from './kit.mjs';

/** A page of another site that sends the browser on, and one that tries what other sites try. */
async function elsewhere(link, origin) {
  const server = createServer((request, response) => {
    if (request.url === '/go') {
      response.writeHead(302, { location: link }).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(
      `<form method="post" action="${origin}/sign-out"><input name="csrf" value="x"><button>x</button></form>` +
        `<iframe src="${origin}/"></iframe>`,
    );
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://localhost:${server.address().port}` };
}

await main(async (browser, { origin, link, other }) => {
  const { server, url } = await elsewhere(link, origin);
  const { context, faults } = await watched(browser, origin, { viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  try {
    await page.goto(`${origin}/`);
    assert((await page.title()).startsWith('Sign in'), 'nobody is signed in at first');
    faults.length = 0; // The 401 is in the console.

    await page.goto(`${url}/go`);
    assert(page.url() === `${origin}/`, `the link leads to ${page.url()}`);
    assert((await page.textContent('h1')) === 'Overview', 'the overview is the first page');
    const from = faults.filter((f) => !f.startsWith(`another origin: ${url}`));
    assert(from.length === 0, from.join('\n'));
    faults.length = 0;
    assert((await context.cookies(origin)).every((c) => c.httpOnly && c.sameSite === 'Lax'), 'the cookie is ours alone');

    // Times are the reader's, UTC is beside them.
    await page.click('.who a');
    const time = page.locator('main time').first();
    assert(/UTC$/.test(await time.getAttribute('title')), 'UTC is in the title');

    // Colours are chosen, kept, and not flashed.
    const button = page.locator('.side [data-theme-button]');
    await button.click();
    await button.click();
    await page.reload();
    assert((await page.evaluate(() => document.documentElement.dataset.theme)) === 'dark', 'dark is kept');
    assert((await axe(page)).length === 0, 'axe');

    // By keyboard: the first stop leads past the menu.
    await page.keyboard.press('Tab');
    assert((await page.evaluate(() => document.activeElement.className)) === 'skip', 'the first stop is the skip link');
    await page.keyboard.press('Enter');
    assert((await page.evaluate(() => document.activeElement.id)) === 'main', 'it leads to the content');
    assert(faults.length === 0, faults.join('\n'));

    // Another site neither frames a page nor sends a form of ours.
    const evil = await context.newPage();
    await evil.goto(`${url}/evil`);
    const framed = await evil.frames()[1]?.evaluate(() => document.body?.textContent ?? '').catch(() => '');
    assert(!framed?.includes('Overview'), 'no page is framed');
    await Promise.all([evil.waitForURL(`${origin}/**`), evil.click('button')]);
    assert((await evil.textContent('h1')) !== 'Sign in', 'the form of another site signs nobody out');
    await evil.close();
    faults.length = 0;

    // Somebody else's link asks.
    await page.goto(other);
    assert((await page.textContent('h1')) === 'Switch to another session?', 'it asks');
    await page.click('text=Stay signed in');
    assert(page.url() === `${origin}/`, 'one may stay');
    await page.goto(other);
    await page.click('button:text-is("Switch")');
    assert((await page.textContent('.side .account')).includes('acct_2'), 'or switch');

    await page.click('.side >> text=Sign out');
    assert((await page.textContent('main')).includes('You are signed out'), 'signed out');
    await page.goBack();
    await page.reload();
    assert((await page.title()).startsWith('Sign in'), 'nothing is left to go back to');
    const bad = faults.filter((f) => !f.includes('401'));
    return bad;
  } finally {
    server.close();
    await context.close();
  }
});
