// Sends from the simulator's page, with scripts and without: examples, results in place, what is wrong, an inbox.
import { assert, axe, main, signIn, watched } from './kit.mjs';

const WAIT = { timeout: 15000 };

async function clean(page, what) {
  const found = await axe(page);
  assert(found.length === 0, `${what}: ${found.join('\n')}`);
}

/** The same deeds in both: choose, send with a fault, look into the inbox. */
async function sends(page, origin, { receiver, secret }) {
  await page.goto(`${origin}/webhook-simulator`);
  await page.click('text=Make an inbox');
  await page.click('text=Send something to it');
  await page.check('[name=fault][value=wrong_signature]');
  await page.click('button:text-is("Send")');
  await page.waitForSelector('#result >> text=Not as expected.', WAIT);
  await page.check('[name=fault][value=""]');
  await page.click('button:text-is("Send")');
  await page.waitForSelector('#result .notice.ok', WAIT);
  assert((await page.textContent('#result')).includes('204 No Content'), 'the reply is shown');
  await page.click('main a:has-text("Inbox …")');
  const verdicts = await page.locator('.message summary .badge').allTextContents();
  assert(verdicts.join() === 'Verified,Not verified', `the inbox says ${verdicts}`);

  await page.goto(`${origin}/webhook-simulator`);
  await page.selectOption('[name=signer]', 'secret');
  await page.selectOption('[name=target]', 'url');
  await page.fill('[name=secret]', secret);
  await page.fill('[name=url]', receiver);
  await page.check('[name=fault][value=old_timestamp]');
  await page.click('button:text-is("Send")');
  await page.waitForSelector('#result >> text=401 Unauthorized', WAIT);
  assert((await page.textContent('#result')).includes('As expected.'), 'a good receiver refuses what is old');
}

await main(async (browser, given) => {
  const { origin, cookie } = given;
  const { context, faults } = await watched(browser, origin, { viewport: { width: 1280, height: 800 } });
  await signIn(context, origin, cookie);
  const page = await context.newPage();
  await sends(page, origin, given);
  assert((await page.inputValue('[name=secret]')) === given.secret, 'what was typed stays while the page does');
  // The Enter key sends.
  await page.check('[name=fault][value=""]');
  await page.locator('[name=url]').press('Enter');
  await page.waitForSelector('#result >> text=200 OK', WAIT);
  await clean(page, 'the page');

  // Only the fields that matter are there, and a type brings its example until somebody edits it.
  await page.goto(`${origin}/webhook-simulator`);
  assert(!(await page.isVisible('[name=secret]')) && !(await page.isVisible('[name=url]')), 'nothing that does not matter');
  await page.selectOption('[name=type]', 'deal.created');
  assert((await page.inputValue('[name=data]')).includes('annual licence'), 'the example of the type');
  await page.fill('[name=data]', '{"mine": ');
  assert((await page.textContent('[data-json]')).startsWith('Not JSON yet'), 'it says so at once');
  await page.selectOption('[name=type]', 'contact.created');
  assert((await page.inputValue('[name=data]')) === '{"mine": ', 'what was edited stays');
  await page.evaluate(() => { globalThis.stays = true; });
  await page.click('button:text-is("Show")');
  await page.waitForSelector('#errors >> text=Data: expected JSON', WAIT);
  faults.splice(0, faults.length, ...faults.filter((f) => !f.includes('422')));
  await page.click('text=Load example');
  assert((await page.inputValue('[name=data]')).includes('Ada Lovelace'), 'the example is back');
  await page.selectOption('[name=signer]', 'new');
  await page.click('button:text-is("Show")');
  await page.waitForSelector('#result >> text=Signed text', WAIT);
  assert(await page.evaluate(() => globalThis.stays), 'the page was not loaded again');
  assert((await page.locator('#errors .notice').count()) === 0, 'what was wrong is gone');
  assert((await page.textContent('#result .secret-text')).includes('whsec_'), 'the secret that was made is shown');
  assert(await page.isVisible('#result [data-copy]'), 'what is new on the page can be copied');
  await clean(page, 'the page');
  assert((await page.evaluate(() => globalThis.__x)) === undefined, 'no script of anybody’s ran');
  await context.close();

  const plain = await watched(browser, origin, { javaScriptEnabled: false, viewport: { width: 360, height: 780 } });
  await signIn(plain.context, origin, cookie);
  const without = await plain.context.newPage();
  await sends(without, origin, given);
  assert((await without.inputValue('[name=secret]')) === '', 'a secret that was sent is not in the page');
  await plain.context.close();
  return [...faults, ...plain.faults];
});
