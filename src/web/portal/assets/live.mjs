// Keeps a part of a page fresh, what an inbox caught or a delivery came to: fetches the page again and takes that part of it.
import { enable } from './{{copy.mjs}}';
import { localise } from './{{time.mjs}}';

const EVERY_MS = 2000;
// An open page must not keep a session alive that nobody uses.
const UNATTENDED_MS = 10 * 60 * 1000;

const said = document.querySelector('[data-live-status]');
let attended = Date.now();
let isOver = false;

function live() {
  return document.querySelector('[data-live]');
}

function say(text) {
  if (said && said.textContent !== text) said.textContent = text;
}

function take(next) {
  const now = live();
  if (!next || next.dataset.live === now.dataset.live) return;
  const fresh = document.importNode(next, true);
  for (const open of now.querySelectorAll('details[open][id]')) {
    const same = fresh.querySelector(`#${CSS.escape(open.id)}`);
    if (same) same.open = true;
  }
  const active = document.activeElement;
  const focused = now.contains(active) && active.closest('details')?.id;
  for (const message of fresh.querySelectorAll('details[id]')) {
    if (!now.querySelector(`#${CSS.escape(message.id)}`)) message.classList.add('is-new');
  }
  localise(fresh);
  now.replaceWith(fresh);
  enable(fresh);
  if (focused) fresh.querySelector(`#${CSS.escape(focused)} > summary`)?.focus();
}

async function look() {
  if (document.hidden) return;
  if (Date.now() - attended > UNATTENDED_MS) {
    say('Paused. Move the pointer to go on.');
    return;
  }
  let answer;
  try {
    answer = await fetch(location.href, { headers: { accept: 'text/html' } });
  } catch {
    say('No connection. Trying again.');
    return;
  }
  if (!answer.ok || answer.redirected) {
    isOver = answer.status === 401 || answer.status === 404 || answer.redirected;
    say(isOver ? 'This or your session has ended. Load the page again.' : 'Not available now. Trying again.');
    return;
  }
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  take(page.querySelector('[data-live]'));
  isOver = live().dataset.liveOver !== undefined;
  say(isOver ? '' : 'Live: what comes appears by itself.');
}

async function go() {
  await look();
  if (!isOver) setTimeout(go, EVERY_MS);
}

if (live()) {
  for (const kind of ['pointermove', 'keydown', 'scroll', 'focus']) {
    addEventListener(kind, () => { attended = Date.now(); }, { passive: true });
  }
  setTimeout(go, EVERY_MS);
}
