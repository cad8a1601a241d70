// Every operation of the API called in the explorer with a key that may, and greyed as the scopes of each key say.
import { assert, main, signIn, watched } from './kit.mjs';

/** The operations of an OpenAPI document in the order in which each finds what it needs: made, read, changed, deleted. */
function operations(document) {
  const all = [];
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (!operation.operationId) continue;
      const status = Object.keys(operation.responses).find((s) => s.startsWith('2'));
      all.push({
        id: `operations-${operation.tags[0]}-${operation.operationId}`,
        method: method.toUpperCase(),
        path,
        status: Number(status),
        scopes: operation.security[0].apiKey,
        parameters: (operation.parameters ?? []).map((p) => resolve(document, p)),
        body: operation.requestBody,
      });
    }
  }
  const order = ['POST', 'GET', 'PATCH', 'PUT', 'DELETE'];
  const deleted = all.filter((o) => o.method === 'DELETE').reverse();
  return order.flatMap((m) => (m === 'DELETE' ? deleted : all.filter((o) => o.method === m)));
}

function resolve(document, value) {
  if (!value.$ref) return value;
  return value.$ref.slice(2).split('/').reduce((at, name) => at[name], document);
}

/** The path that the explorer calls: each parameter of it is its example. */
function target(operation) {
  return operation.parameters
    .filter((p) => p.in === 'path')
    .reduce((path, p) => path.replace(`{${p.name}}`, p.example), operation.path);
}

async function useKey(page, key) {
  // What is said of the key before is gone first.
  await page.fill('#explorer-key', '');
  await page.click('text=Use this key');
  await page.getByText('No key is sent').waitFor();
  await page.fill('#explorer-key', key);
  await page.click('text=Use this key');
  await page.locator('#key-status:not(.bad)').getByText('may call').waitFor();
  return page.textContent('#key-status');
}

/** What each endpoint says that it needs, by the id of its block. */
function needs(page) {
  return page.evaluate(() =>
    Object.fromEntries([...document.querySelectorAll('.opblock')].map((b) => [b.id, b.dataset.needs ?? ''])),
  );
}

async function open(page, operation) {
  const block = page.locator(`#${operation.id}`);
  await block.locator('.opblock-summary-control').click();
  await block.locator('.execute').waitFor();
  return block;
}

async function call(page, operation) {
  const block = await open(page, operation);
  const answered = page.waitForResponse((r) => new URL(r.url()).pathname.startsWith('/api/v1/'));
  await block.locator('.execute').click();
  const answer = await answered;
  const row = block.locator('.live-responses-table tbody .response-col_status').first();
  await row.filter({ hasText: String(answer.status()) }).waitFor();
  const shown = (await row.innerText()).trim();
  await block.locator('.opblock-summary-control').click();
  const request = answer.request();
  return {
    shown: Number.parseInt(shown, 10),
    status: answer.status(),
    method: request.method(),
    target: new URL(request.url()).pathname + new URL(request.url()).search,
    body: request.postDataJSON(),
    error: (await answer.headerValue('x-fuelgate-error')) ?? '',
  };
}

await main(async (browser, { origin, keys, cookie }) => {
  const wrong = [];
  const { context, faults } = await watched(browser, origin, { viewport: { width: 1280, height: 900 } });
  await signIn(context, origin, cookie);
  const page = await context.newPage();
  await page.goto(`${origin}/docs/explorer`);
  await page.locator('#operations-Contacts-listContacts').waitFor();
  const document = await (await context.request.get(`${origin}/docs/openapi/0.json`)).json();
  const all = operations(document);

  // Without a key everything can be pressed, and nothing is said to be missing.
  for (const [id, lacks] of Object.entries(await needs(page))) assert(lacks === '', `${id}: ${lacks}`);

  const greyed = {};
  for (const [name, { secret, scopes }] of Object.entries(keys)) {
    const told = await useKey(page, secret);
    const shown = await needs(page);
    assert(Object.keys(shown).length === all.length, `${Object.keys(shown).length} endpoints are drawn`);
    let may = 0;
    for (const operation of all) {
      const wanted = operation.scopes.filter((s) => !scopes.includes(s)).join(', ');
      if (shown[operation.id] !== wanted) wrong.push(`${name}: ${operation.id} needs “${shown[operation.id]}”, not “${wanted}”`);
      if (!wanted) may += 1;
    }
    assert(told.includes(`may call ${may} of ${all.length} endpoints`), told);
    greyed[name] = all.length - may;
  }

  // What is greyed sends nothing, whichever method it has.
  await useKey(page, keys.read.secret);
  const sent = [];
  page.on('request', (r) => {
    if (new URL(r.url()).pathname.startsWith('/api/v1/')) sent.push(r.url());
  });
  for (const operation of all.filter((o) => o.method !== 'GET')) {
    const block = await open(page, operation);
    await block.locator('.execute[aria-disabled="true"]').waitFor();
    await block.locator('.execute').click({ force: true });
    await block.locator('.execute').press('Enter');
    await block.locator('.opblock-summary-control').click();
  }
  // What a click sends is on its way before what is sent after it.
  await page.evaluate(() => fetch(location.href).then((r) => r.text()));
  assert(sent.length === 0, `sent in spite of it: ${sent.join(', ')}`);

  // Every operation, as its examples say.
  await useKey(page, keys.all.secret);
  const called = [];
  for (const operation of all) {
    const got = await call(page, operation);
    const wanted = `${operation.method} /api/v1${target(operation)} ${operation.status}`;
    const done = `${got.method} ${got.target} ${got.status}`;
    if (done !== wanted) wrong.push(`${operation.id}: ${done} ${got.error}, not ${wanted}`);
    if (got.shown !== got.status) wrong.push(`${operation.id}: ${got.shown} is shown`);
    if (Boolean(got.body) !== Boolean(operation.body)) wrong.push(`${operation.id}: a body of ${JSON.stringify(got.body)}`);
    called.push(done);
  }

  // What may be left out is sent once it is filled in: a number, a choice, a text.
  const list = all.find((o) => o.id === 'operations-Contacts-listContacts');
  const block = await open(page, list);
  await block.locator('tr[data-param-name="limit"] input').fill('2');
  await block.locator('tr[data-param-name="status"] select').selectOption('customer');
  await block.locator('tr[data-param-name="q"] input').fill('a & b=c');
  const answered = page.waitForResponse((r) => r.url().includes('/api/v1/contacts?'));
  await block.locator('.execute').click();
  const query = new URL((await answered).url()).searchParams;
  const said = `${query.get('limit')} ${query.get('status')} ${query.get('q')}`;
  assert(said === '2 customer a & b=c', said);

  wrong.push(...faults);
  await context.close();
  return { wrong, called, greyed };
});
