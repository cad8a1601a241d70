// The explorer as its reader uses it: a key, what it may call, a call, and what is greyed.
import { join } from 'node:path';
import { assert, axe, main, signIn, watched } from './kit.mjs';

const LOOKS = [
  { name: 'light-wide', colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  { name: 'dark-narrow', colorScheme: 'dark', viewport: { width: 360, height: 780 } },
];

await main(async (browser, { origin, key, cookie, shots }) => {
  const wrong = [];
  for (const [round, look] of LOOKS.entries()) {
    const { context, faults } = await watched(browser, origin, look);
    await signIn(context, origin, cookie);
    const page = await context.newPage();
    await page.goto(`${origin}/docs/explorer`);
    const list = page.locator('#operations-Contacts-listContacts');
    await list.waitFor();

    // A key that is none is said to be none.
    await page.fill('#explorer-key', 'lf_live_nosuchkey');
    await page.click('text=Use this key');
    await page.locator('#key-status.bad').waitFor();
    faults.length = 0; // The 401 is in the console.

    await page.fill('#explorer-key', key);
    await page.click('text=Use this key');
    await page.locator('#key-status:not(.bad)').getByText('may call').waitFor();
    assert(/may call 2 of 25 endpoints/.test(await page.textContent('#key-status')), await page.textContent('#key-status'));

    // What it may not call says what it needs and sends nothing.
    const create = page.locator('#operations-Contacts-createContact');
    assert((await create.getAttribute('data-needs')) === 'contacts:write', 'it says what is missing');
    const sent = [];
    page.on('request', (request) => {
      if (new URL(request.url()).pathname.startsWith('/api/')) sent.push(request);
    });
    await create.locator('.opblock-summary-control').click();
    await create.locator('.execute').waitFor();
    await page.waitForFunction(
      () => document.querySelector('#operations-Contacts-createContact .execute').ariaDisabled === 'true',
    );
    await create.locator('.execute').click({ force: true });

    if (round === 0) {
      await list.locator('.opblock-summary-control').click();
      await list.locator('.execute').click();
      await list.locator('.live-responses-table').waitFor();
      const answer = await list.locator('.live-responses-table').innerText();
      assert(/\b200\b/.test(answer) && answer.includes('next_cursor'), answer);
      assert(sent.length === 1 && sent[0].headers().authorization === `Bearer ${key}`, 'it is sent with the key');
      assert(!(await page.content()).includes(key), 'the key is not on the page');
    }
    for (const found of await axe(page)) wrong.push(`${look.name}: axe ${found}`);
    for (const fault of faults.splice(0)) wrong.push(`${look.name}: ${fault}`);
    // The page has answered since: what it sent besides was the greyed call.
    assert(sent.length === (round === 0 ? 1 : 0), 'a greyed call is not sent');
    await page.screenshot({ path: join(shots, `explorer-used-${look.name}.png`), fullPage: true });

    // One of the account's keys greys by its scopes, without its secret.
    await page.reload();
    await list.waitFor();
    await page.selectOption('#explorer-choice', { index: 1 });
    assert((await create.getAttribute('data-needs')) === 'contacts:write', 'a chosen key greys');
    await page.selectOption('#explorer-choice', { index: 0 });
    assert((await create.getAttribute('data-needs')) === null, 'and all is as before without');

    // A page of an endpoint leads to it.
    await page.goto(`${origin}/docs/api/list-deals`);
    await page.click('text=Try it in the explorer');
    await page.locator('#operations-Deals-listDeals.is-open .execute').waitFor();
    for (const fault of faults.splice(0)) wrong.push(`${look.name}: ${fault}`);
    await context.close();
  }
  return wrong;
});
