// Walks the whole path of a new developer in one visit: link, key, first calls, explorer, webhook, event, simulator, usage.
import { execFileSync } from 'node:child_process';
import { assert, main, watched } from './kit.mjs';

const WAIT = { timeout: 15000 };

/** Opens a page by the menu, as its reader does; the documentation folds it up at the top. */
async function visit(page, path) {
  if (await page.isHidden('.side')) await page.click('.top .menu summary');
  await page.click(`nav a[href="${path}"]:visible`);
  await page.waitForURL((url) => url.pathname === path);
}

/** Is told of the first per cent of the hour. */
async function alert(page) {
  await visit(page, '/alerts');
  await page.fill('[name=hour_percent]', '1');
  await page.check('[name=mail_me]');
  await page.click('button:text-is("Save alerts")');
  await page.waitForSelector('text=The alerts were saved.');
}

/** Makes a key step by step; its secret and the line that the page shows with it. */
async function generate(page) {
  await visit(page, '/keys');
  await page.click('main >> text=Generate key >> nth=0');
  await page.fill('#f-name', 'Nightly sync');
  await page.click('button:text-is("Continue")');
  await page.check('input[name=scope][value="contacts:read"]');
  await page.check('input[name=scope][value="contacts:write"]');
  await page.click('button:text-is("Continue")');
  await page.check('input[name=expires][value="90"]');
  await page.click('button:text-is("Continue")');
  await page.click('main button:text-is("Generate key")');
  await page.waitForSelector('.secret-text');
  const key = (await page.textContent('.secret-text')).trim();
  const line = (await page.locator('main pre', { hasText: 'curl ' }).textContent()).trim();

  await page.reload();
  assert((await page.textContent('h1')) === 'This was done already', `a reload says ${await page.textContent('h1')}`);
  assert(!(await page.content()).includes(key), 'a reload shows no secret');
  await page.click('text=Open the key');
  await page.waitForSelector('h1:has-text("Nightly sync")');
  const one = await page.content();
  assert(one.includes('contacts:write') && !one.includes(key), 'the page of the key shows its scopes and no secret');
  return { key, line };
}

/** What the shell makes of the line: the status and the body. */
function pasted(line) {
  const said = execFileSync('sh', ['-c', `${line} -sS -w '\\n%{http_code}'`], { encoding: 'utf8' });
  const end = said.lastIndexOf('\n');
  return { status: said.slice(end + 1), body: JSON.parse(said.slice(0, end)) };
}

/** A call as the developer's program makes it. */
async function call(api, key, method, path, body) {
  const answer = await fetch(api + path, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
  });
  return { status: answer.status, body: await answer.json() };
}

/** Makes an inbox and a webhook with its address; the inbox's page. */
async function subscribe(page) {
  await visit(page, '/webhook-simulator');
  await page.click('text=Make an inbox');
  await page.waitForSelector('h1:text-is("Your inbox is ready")');
  const inbox = await page.getAttribute('main a:text("Open the inbox")', 'href');
  await page.click('text=Add a webhook with its address');
  assert((await page.inputValue('[name=url]')).includes('/inbox/'), 'the address is filled in');
  await page.check('input[value="contact.created"]');
  await page.click('text="Add webhook"');
  await page.waitForSelector('.secret-text');
  await visit(page, '/webhooks');
  assert((await page.textContent('main')).includes('/inbox/'), 'the webhook is in the list');
  return inbox;
}

/** Sends an event from the simulator to the inbox and sees the reply. */
async function simulate(page, inbox) {
  await visit(page, '/webhook-simulator');
  await page.selectOption('[name=signer]', `inbox:${inbox.split('/').pop()}`);
  await page.click('button:text-is("Send")');
  await page.waitForSelector('#result .notice.ok', WAIT);
  const result = await page.textContent('#result');
  assert(result.includes('204 No Content') && result.includes('As expected.'), `the simulator shows ${result}`);
}

/** Calls a listing from the explorer. */
async function explore(page, origin, key) {
  await visit(page, '/docs');
  await page.goto(`${origin}/docs/explorer`);
  const list = page.locator('#operations-Contacts-listContacts');
  await list.waitFor(WAIT);
  await page.fill('#explorer-key', key);
  await page.click('text=Use this key');
  await page.locator('#key-status:not(.bad)').getByText('may call').waitFor();
  await list.locator('.opblock-summary-control').click();
  await list.locator('.execute').click();
  await list.locator('.live-responses-table').waitFor(WAIT);
  const answer = await list.locator('.live-responses-table').innerText();
  assert(/\b200\b/.test(answer) && answer.includes('next_cursor'), `the explorer shows ${answer}`);
}

/** Loads the usage page until it has every call of this visit. */
async function count(page) {
  await visit(page, '/usage');
  const cells = (rows) => rows.map((row) => [...row.querySelectorAll('code, td')].map((c) => c.textContent.trim()));
  const read = async () => ({
    made: await page.locator('.tile:has(.label:text-is("Requests")) .value').allTextContents(),
    ranks: await page.locator('table.ranks tbody tr').evaluateAll(cells),
  });
  const wanted = {
    made: ['3'],
    ranks: [
      ['/v1/contacts', '2', '0%'],
      ['/v1/contacts', '1', '0%'],
      ['insufficient_scope', '1', '100%'],
    ],
  };
  const end = Date.now() + WAIT.timeout;
  let shown = await read();
  while (JSON.stringify(shown) !== JSON.stringify(wanted)) {
    assert(Date.now() < end, `the usage page shows ${JSON.stringify(shown)}`);
    await page.reload();
    shown = await read();
  }
}

await main(async (browser, { origin, api, link }) => {
  const { context, faults } = await watched(browser, origin, { viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  await page.goto(link);
  assert(page.url() === `${origin}/`, `the link leads to ${page.url()}`);
  await alert(page);

  const { key, line } = await generate(page);
  const first = pasted(line);
  assert(first.status === '200' && Array.isArray(first.body.data), `${line} says ${JSON.stringify(first)}`);
  const refused = await call(api, key, 'GET', '/v1/deals');
  assert(refused.status === 403 && refused.body.code === 'insufficient_scope', JSON.stringify(refused));

  await explore(page, origin, key);
  const inbox = await subscribe(page);
  await page.goto(origin + inbox);
  // The last call, and the only one of its kind: where it is counted, so is every other.
  const made = await call(api, key, 'POST', '/v1/contacts', { name: 'Grace Hopper', email: 'grace@example.com' });
  assert(made.status === 201, JSON.stringify(made));
  const arrived = page.locator('.message:has-text("contact.created")');
  await arrived.waitFor(WAIT);
  const badges = await arrived.locator('summary .badge').allTextContents();
  assert(badges.join() === 'Verified', `the inbox says ${badges}`);
  assert((await arrived.textContent()).includes('grace@example.com'), 'it is the contact that was made');

  await simulate(page, inbox);
  await count(page);
  await context.close();
  return faults;
});
