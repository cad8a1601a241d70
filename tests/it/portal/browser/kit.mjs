// What the scripts in the browser share: Chromium, contexts that watch for faults, axe, input and output.
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.FUELGATE_TEST_NODE}/`);
const { chromium } = require('playwright-core');
const axePath = require.resolve('axe-core/axe.min.js');

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The JSON on standard input. */
export async function input() {
  const parts = [];
  for await (const part of process.stdin) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString('utf8'));
}

/** Runs `script` with a browser and the input; what it gives is printed, what it throws ends with status 1. */
export async function main(script) {
  const browser = await chromium.launch({
    executablePath: process.env.FUELGATE_TEST_CHROMIUM ?? '/usr/bin/chromium',
    args: FLAGS,
  });
  try {
    const said = await script(browser, await input());
    process.stdout.write(JSON.stringify(said ?? null));
  } finally {
    await browser.close();
  }
}

/**
 * A context with everything watched that must not happen. `options` are playwright's. Its `faults` are texts: errors in
 * the console, exceptions, requests that failed or went to another origin, violations of the policy.
 */
export async function watched(browser, origin, options = {}) {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  const faults = [];
  await context.exposeBinding('reportViolation', (_, text) => faults.push(`policy: ${text}`));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (e) => {
      globalThis.reportViolation(`${e.violatedDirective} ${e.blockedURI} at ${e.sourceFile}:${e.lineNumber}`);
    });
  });
  context.on('page', (page) => {
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') {
        faults.push(`console: ${message.text()} (${page.url()})`);
      }
    });
    page.on('pageerror', (error) => faults.push(`exception: ${error.message}`));
    page.on('requestfailed', (request) => faults.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.origin !== origin && !['data:', 'blob:', 'about:'].includes(url.protocol)) {
        faults.push(`another origin: ${request.url()}`);
      }
    });
  });
  return { context, faults };
}

/** Puts a `name=value` cookie into a context. */
export async function signIn(context, origin, cookie) {
  const at = cookie.indexOf('=');
  await context.addCookies([
    { name: cookie.slice(0, at), value: cookie.slice(at + 1), url: origin, httpOnly: true, sameSite: 'Lax' },
  ]);
}

/** What axe finds wrong with the page as it is: serious and critical, by WCAG 2.0 to 2.2, A and AA. */
export async function axe(page) {
  // By the protocol and not as an element: the page's policy takes no script of anybody's.
  const { readFile } = await import('node:fs/promises');
  await page.evaluate(await readFile(axePath, 'utf8'));
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] },
      resultTypes: ['violations'],
    }),
  );
  return found.violations
    .filter((v) => v.impact === 'serious' || v.impact === 'critical')
    .map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(' ')} (${n.any[0]?.message ?? ''})`).join('; ')}`);
}

/** Fails with `text` unless `condition` holds. */
export function assert(condition, text) {
  if (!condition) throw new Error(text);
}
