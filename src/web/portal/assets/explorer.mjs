// The explorer: draws the endpoints, sends calls with the reader's key, and greys out what that may not call. The key is
// kept in this module's memory and nowhere else.
const place = document.querySelector('#explorer');
const form = document.querySelector('#key-form');
const status = document.querySelector('#key-status');
const choice = document.querySelector('#explorer-choice');
const ABOUT_KEY = '/api/.well-known/fuelgate/key';

let key = '';
// Scopes by which endpoints are greyed; null for none of them.
let scopes = null;
const endpoints = new Map();

function nothing() {
  return null;
}

// What has no use here: the calls go to one place, with one kind of key, and texts about the API are on other pages.
const changed = ({ React }) => ({
  components: {
    // A link in a button is neither; the button opens what the link would lead to.
    DeepLink: ({ text }) => React.createElement('span', null, text),
    InfoContainer: nothing,
    ServersContainer: nothing,
    SchemesContainer: nothing,
    AuthorizeBtnContainer: nothing,
    authorizeBtn: nothing,
    authorizeOperationBtn: nothing,
    Models: nothing,
    curl: nothing,
    OperationServers: nothing,
  },
});

function isOurs(url) {
  const target = new URL(url, location.href);
  return target.origin === location.origin && target.pathname.startsWith('/api/');
}

function withKey(request) {
  if (key && isOurs(request.url)) request.headers.Authorization = `Bearer ${key}`;
  return request;
}

async function about(secret) {
  const response = await fetch(ABOUT_KEY, { headers: { Authorization: `Bearer ${secret}` } });
  const told = await response.json().catch(() => null);
  if (response.ok && told) return told;
  throw new Error(told?.title ?? 'The key could not be looked up. Try again in a moment.');
}

function missing(endpoint) {
  if (!scopes) return [];
  return endpoint.scopes.filter((scope) => !scopes.includes(scope));
}

// Marks each endpoint that is drawn with what the key lacks for it.
function mark() {
  for (const block of place.querySelectorAll('.opblock')) {
    const path = block.querySelector('[data-path]')?.dataset.path;
    const method = block.querySelector('.opblock-summary-method')?.textContent.toLowerCase();
    const endpoint = endpoints.get(`${method} ${path}`);
    if (!endpoint) continue;
    const lacks = missing(endpoint).join(', ');
    // The style sheet writes it behind the path.
    for (const element of [block, block.querySelector('.opblock-summary-path-description-wrapper')]) {
      if (!element || (element.dataset.needs ?? '') === lacks) continue;
      if (lacks) element.dataset.needs = lacks;
      else delete element.dataset.needs;
    }
    const control = block.querySelector('.opblock-summary-control');
    describe(control, lacks && `This key needs ${lacks}`);
    const execute = block.querySelector('.execute');
    if (execute) {
      describe(execute, lacks && `This key needs ${lacks}`);
      if (lacks) execute.setAttribute('aria-disabled', 'true');
      else execute.removeAttribute('aria-disabled');
    }
  }
}

function describe(element, text) {
  if (!element || (element.getAttribute('aria-description') ?? '') === text) return;
  if (text) element.setAttribute('aria-description', text);
  else element.removeAttribute('aria-description');
}

function tell(text, isBad = false) {
  status.textContent = text;
  status.classList.toggle('bad', isBad);
}

function reach() {
  const all = [...endpoints.values()];
  return `${all.filter((e) => missing(e).length === 0).length} of ${all.length} endpoints`;
}

async function take(event) {
  event.preventDefault();
  const secret = form.querySelector('input').value.trim();
  if (!secret) {
    key = '';
    scopes = null;
    tell('No key is sent any more.');
    mark();
    return;
  }
  try {
    const told = await about(secret);
    key = secret;
    scopes = told.scopes;
    if (choice) choice.value = '';
    tell(`“${told.name}” may call ${reach()}.`);
  } catch (error) {
    tell(error.message, true);
  }
  mark();
}

function choose() {
  const chosen = choice.selectedOptions[0];
  scopes = chosen.value ? JSON.parse(chosen.dataset.scopes) : null;
  tell(chosen.value ? `“${chosen.textContent}” may call ${reach()}. Calls are sent with the key above.` : '');
  mark();
}

async function draw() {
  const response = await fetch(place.dataset.document);
  if (!response.ok) throw new Error('No endpoint is documented yet.');
  const spec = await response.json();
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const [method, call] of Object.entries(item)) {
      endpoints.set(`${method} ${path}`, { scopes: call['x-scopes'] });
    }
  }
  window.SwaggerUIBundle({
    domNode: place,
    spec,
    layout: 'BaseLayout',
    presets: [window.SwaggerUIBundle.presets.apis],
    plugins: [changed],
    deepLinking: true,
    docExpansion: 'list',
    tryItOutEnabled: true,
    defaultModelsExpandDepth: -1,
    displayRequestDuration: true,
    syntaxHighlight: { activated: false },
    validatorUrl: null,
    queryConfigEnabled: false,
    persistAuthorization: false,
    // What is shown of a request is without the key.
    showMutatedRequest: false,
    requestInterceptor: withKey,
  });
  form.hidden = false;
  new MutationObserver(mark).observe(place, { childList: true, subtree: true });
}

if (place && window.SwaggerUIBundle) {
  form.addEventListener('submit', take);
  choice?.addEventListener('change', choose);
  // What a key may not call is not sent, whatever is pressed.
  place.addEventListener(
    'click',
    (event) => {
      if (event.target.closest('[aria-disabled="true"]')) {
        event.preventDefault();
        event.stopPropagation();
      }
    },
    true,
  );
  draw().catch((error) => {
    place.textContent = error.message;
  });
}
