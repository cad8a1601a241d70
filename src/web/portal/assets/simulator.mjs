// The simulator without loading the page again: examples on choosing a type, only the fields that matter, results in place.
import { enable } from './{{copy.mjs}}';
import { localise } from './{{time.mjs}}';

const form = document.querySelector('form[data-simulator]');

function option(name) {
  return form.elements[name]?.selectedOptions?.[0];
}

function example() {
  return option('type')?.dataset.example ?? '{}';
}

function show(name, isShown) {
  const field = form.querySelector(`[data-for='${name}']`);
  if (field) field.hidden = !isShown;
}

function update() {
  show('secret', form.elements.signer.value === 'secret');
  show('url', form.elements.target.value === 'url');
}

function check() {
  const data = form.elements.data;
  const said = form.querySelector('[data-json]');
  let why = '';
  try {
    JSON.parse(data.value);
  } catch (error) {
    why = `Not JSON yet: ${error.message}`;
  }
  if (said) said.textContent = why;
}

// Replaces one part of the page by the same part of another.
function take(page, selector) {
  const now = document.querySelector(selector);
  const next = page.querySelector(selector);
  if (!now || !next) return null;
  const fresh = document.importNode(next, true);
  localise(fresh);
  now.replaceWith(fresh);
  enable(fresh);
  return fresh;
}

async function send(event) {
  const button = event.submitter;
  if (button?.value === 'example') {
    event.preventDefault();
    form.elements.data.value = example();
    form.elements.data.dataset.from = example();
    check();
    return;
  }
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, button));
  const result = document.querySelector('#result');
  result.setAttribute('aria-busy', 'true');
  button?.setAttribute('aria-disabled', 'true');
  try {
    const answer = await fetch(form.getAttribute('action'), { method: 'POST', body, headers: { accept: 'text/html' } });
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    take(page, '#errors');
    const fresh = take(page, '#result');
    if (!fresh) {
      location.reload();
      return;
    }
    const first = document.querySelector('#errors:not(:empty)') ?? fresh;
    if (!first.hasAttribute('tabindex')) first.setAttribute('tabindex', '-1');
    first.focus({ preventScroll: true });
    const { top, bottom } = first.getBoundingClientRect();
    if (top < 0 || bottom > innerHeight) first.scrollIntoView({ block: 'start' });
    fresh.scrollTop = 0;
  } catch {
    result.removeAttribute('aria-busy');
    result.textContent = 'No connection. Try again.';
  } finally {
    button?.removeAttribute('aria-disabled');
  }
}

if (form) {
  form.elements.data.dataset.from = form.elements.data.value;
  form.addEventListener('submit', send);
  form.elements.type.addEventListener('change', () => {
    const data = form.elements.data;
    // What somebody edited is theirs.
    if (data.value !== data.dataset.from) return;
    data.value = example();
    data.dataset.from = data.value;
    check();
  });
  form.elements.data.addEventListener('input', check);
  form.addEventListener('change', update);
  update();
}
