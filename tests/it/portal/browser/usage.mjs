// Reads the charts of an account with a year of usage: by pointer, by keys, in another zone, without a script, on a phone.
import { join } from 'node:path';
import { assert, axe, main, signIn, watched } from './kit.mjs';

const WIDE = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 780 };

/** The values that the table below a chart has for its point `at`, counted from the first. */
async function row(page, at) {
  return page.evaluate((n) => {
    const rows = [...document.querySelectorAll('.chart-values tbody tr')].reverse();
    return [...rows.at(n).querySelectorAll('td')].map((td) => td.textContent);
  }, at);
}

const tip = (page) => page.locator('.chart-tip dd').allTextContents();

async function byPointer(page) {
  const bars = await page.locator('.bar').count();
  await page.locator('.chart-plot').evaluate((e) => e.scrollIntoView({ block: 'center' }));
  const plot = await page.locator('.chart-plot').boundingBox();
  for (const at of [0, Math.floor(bars / 2), bars - 1]) {
    await page.mouse.move(plot.x + ((at + 0.5) * plot.width) / bars, plot.y + plot.height / 2);
    await page.waitForSelector('.chart-tip:not([hidden])');
    assert((await tip(page)).join() === (await row(page, at)).join(), `bar ${at} says ${await tip(page)}`);
    const box = await page.locator('.chart-tip').boundingBox();
    const inside = box.x >= plot.x - 1 && box.x + box.width <= plot.x + plot.width + 1;
    assert(inside, `what bar ${at} says is out of the chart`);
  }
  await page.mouse.move(plot.x + plot.width / 2, plot.y - 40);
  assert(await page.locator('.chart-tip').isHidden(), 'it goes with the pointer');
}

async function byKeys(page) {
  const bars = await page.locator('.bar').count();
  await page.locator('.chart-plot').focus();
  const steps = [['ArrowLeft', bars - 1], ['ArrowLeft', bars - 2], ['Home', 0], ['ArrowRight', 1], ['End', bars - 1]];
  for (const [key, at] of steps) {
    await page.keyboard.press(key);
    assert((await tip(page)).join() === (await row(page, at)).join(), `${key} shows ${await tip(page)}`);
    assert((await page.locator('.bar.at').count()) === 1, `${key}: one bar is marked`);
  }
  await page.keyboard.press('Escape');
  assert(await page.locator('.chart-tip').isHidden(), 'Escape closes it');
}

/** An hour of UTC is named by the reader's clock, and UTC stays in the title. */
async function inTheReadersZone(page) {
  const { iso, shown, title } = await page.locator('.chart-values tbody time').first().evaluate((e) => ({
    iso: e.dateTime,
    shown: e.textContent,
    title: e.title,
  }));
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: 'America/New_York', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
  }).formatToParts(new Date(iso));
  const part = (type) => parts.find((p) => p.type === type).value;
  const clock = new RegExp(`, ${part('hour')}:${part('minute')} GMT[-−][45]$`);
  assert(shown.startsWith(`${part('day')} `) && clock.test(shown), `${iso} is ${shown}`);
  assert(title.includes(`${iso.slice(11, 16)} UTC`), `the title of ${iso} is ${title}`);
  assert((await page.textContent('.chart-zone')).includes('America/New_York'), 'the zone is named');
  assert((await page.textContent('.quota-head .muted')).endsWith(' UTC'), 'the hour is a UTC hour');
  const reset = await page.locator('.quota-foot time').first().evaluate((e) => `${e.textContent} | ${e.title}`);
  assert(/^\d+ \w{3} \d{4}, \d\d:00 GMT[-−][45] \| .*UTC$/.test(reset), `it resets ${reset}`);
  const left = await page.locator('.quota-foot .muted').first().textContent();
  assert(/^Resets in (\d+ minutes?|less than a minute|1 hour) \(/.test(left), `it resets: ${left}`);
}

await main(async (browser, { origin, cookie, key, shots }) => {
  const wrong = [];
  const open = async (options, path) => {
    const { context, faults } = await watched(browser, origin, { timezoneId: 'America/New_York', ...options });
    await signIn(context, origin, cookie);
    const page = await context.newPage();
    const answer = await page.goto(origin + path, { waitUntil: 'load' });
    assert(answer.status() === 200, `${path}: ${answer.status()}`);
    await page.evaluate(() => document.fonts.ready);
    return { context, page, faults };
  };
  const picture = (page, name) => page.screenshot({ path: join(shots, `usage-${name}.png`), fullPage: true });
  const check = async ({ context, page, faults }, name) => {
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (over > 0) wrong.push(`${name}: ${over} pixels too wide`);
    for (const found of await axe(page)) wrong.push(`${name}: axe ${found}`);
    wrong.push(...faults.map((fault) => `${name}: ${fault}`));
    await context.close();
  };

  const ranges = [['24h', 'status'], ['7d', 'status'], ['30d', 'key'], ['12m', 'key']];
  for (const [range, by] of ranges) {
    for (const [look, colorScheme, viewport] of [['wide', 'light', WIDE], ['phone', 'dark', PHONE]]) {
      const at = await open({ colorScheme, viewport, hasTouch: look === 'phone' }, `/usage?range=${range}&by=${by}`);
      await picture(at.page, `${range}-${by}-${look}`);
      await byPointer(at.page);
      await byKeys(at.page);
      if (range === '24h') await inTheReadersZone(at.page);
      await at.page.click('.chart-values summary');
      assert(await at.page.locator('.chart-values table').isVisible(), 'the values are there as a table');
      await check(at, `${range}-${by}-${look}`);
    }
  }

  // A key is chosen by the form, and the range stays.
  const form = await open({ viewport: WIDE }, '/usage?range=7d&by=key');
  await form.page.selectOption('#usage-key', key);
  await form.page.click('.usage-key button');
  const url = new URL(form.page.url());
  assert(url.search === `?range=7d&by=key&key=${key}`, `the form leads to ${url.search}`);
  assert((await form.page.locator('.legend li').count()) === 1, 'one key is shown');
  await picture(form.page, 'one-key');
  await check(form, 'one-key');

  // Without a script everything can be read.
  const plain = await open({ viewport: WIDE, javaScriptEnabled: false }, '/usage');
  assert((await plain.page.textContent('.chart-zone')) === 'Times are in UTC.', 'times are in UTC');
  const said = await plain.page.locator('.bar title').first().textContent();
  assert(/ UTC: [\d,]+ requests \(2xx /.test(said), `a bar says ${said}`);
  await plain.page.click('.chart-values summary');
  assert(await plain.page.locator('.chart-values table').isVisible(), 'the table opens');
  assert(plain.faults.length === 0, plain.faults.join('\n'));
  await plain.context.close();
  return wrong;
});
