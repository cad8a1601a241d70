// Makes an inbox, a webhook with its address, calls the API, and sees the event arrive, verified; all by the pages.
import { assert, axe, main, signIn, watched } from './kit.mjs';

const WAIT = { timeout: 15000 };

async function clean(page, what) {
  const found = await axe(page);
  assert(found.length === 0, `${what}: ${found.join('\n')}`);
}

async function createContact(api, key, name) {
  const answer = await fetch(`${api}/v1/contacts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name, email: `${name}@example.com` }),
  });
  assert(answer.status === 201, `the API answered ${answer.status}`);
}

await main(async (browser, { origin, cookie, api, key }) => {
  const { context, faults } = await watched(browser, origin, { viewport: { width: 1280, height: 800 } });
  await signIn(context, origin, cookie);
  await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin });
  const page = await context.newPage();

  await page.goto(`${origin}/webhooks`);
  await page.click('main >> text=Add a webhook');
  await page.click('text=Catch events in an inbox');
  await page.click('text=Make an inbox');
  assert((await page.textContent('h1')) === 'Your inbox is ready', 'the inbox is made');
  await clean(page, 'the inbox');
  const inboxPath = await page.getAttribute('main a:text("Open the inbox")', 'href');
  await page.click('text=Add a webhook with its address');
  assert((await page.inputValue('[name=url]')).includes('/inbox/'), 'the address is filled in');

  // A pattern covers its types, and gives them back.
  const created = page.locator('input[value="contact.created"]');
  await created.check();
  await page.check('input[value="contact.*"]');
  assert(await created.isDisabled(), 'what the pattern covers needs no tick');
  assert((await page.textContent('[data-types-count]')) === '3 event types chosen', 'they are counted');
  await page.uncheck('input[value="contact.*"]');
  assert((await created.isChecked()) && !(await created.isDisabled()), 'the own tick is back');
  await page.check('input[value="contact.*"]');
  await clean(page, 'the form');
  await page.click('text="Add webhook"');

  const secret = await page.textContent('.secret-text');
  assert(/^whsec_[A-Za-z0-9+/=]{32}$/.test(secret.trim()), 'the secret is shown');
  await clean(page, 'the secret');
  await page.click('.secret [data-copy]');
  assert((await page.evaluate(() => navigator.clipboard.readText())) === secret, 'it is copied');
  for (const language of ['JavaScript', 'PHP', 'Shell', 'Python']) {
    await page.click(`.samples label:text-is("${language}")`);
    assert((await page.locator('.samples .code:visible').count()) === 1, `one program at a time: ${language}`);
  }

  // The reply to a test appears without loading the page again.
  await page.click('text=Send a test');
  await page.evaluate(() => { globalThis.stays = true; });
  await page.waitForSelector('.pairs .badge:text("Succeeded")', WAIT);
  assert(await page.evaluate(() => globalThis.stays), 'the page was not loaded again');
  assert((await page.textContent('.attempts')).includes('204 No Content'), 'the reply is shown');

  // So does what an inbox catches.
  await page.goto(origin + inboxPath);
  await page.evaluate(() => { globalThis.stays = true; });
  await createContact(api, key, 'ada');
  const arrived = page.locator('.message:has-text("contact.created")');
  await arrived.waitFor(WAIT);
  assert((await arrived.textContent()).includes('Verified'), 'it verifies');
  assert(await page.evaluate(() => globalThis.stays), 'the page was not loaded again');
  assert((await arrived.locator('time[data-time]').count()) === 0, 'times are the reader’s');
  // What is open stays open, and keeps the focus, when more comes.
  await arrived.locator('summary').focus();
  if (!(await arrived.evaluate((e) => e.open))) await page.keyboard.press('Enter');
  await createContact(api, key, 'eve');
  await page.waitForFunction(() => document.querySelectorAll('.message').length === 3, null, WAIT);
  const kept = await page.evaluate(() => document.activeElement.closest('details')?.open);
  assert(kept, 'what was read stays open and in the focus');
  assert((await page.locator('.message [data-copy]:visible').count()) > 0, 'what came can be copied');
  await clean(page, 'messages');

  await page.goto(`${origin}/deliveries?status=succeeded`);
  assert((await page.locator('tbody tr').count()) === 3, 'three were delivered');
  assert((await page.evaluate(() => globalThis.__x)) === undefined, 'no script of anybody’s ran');
  await context.close();
  return faults;
});
