// Walks an OpenAPI document and each operation's page beside it: everything that the document says is on the page. The pages are
// read as a browser reads them, and no script of theirs runs.
import { main, watched } from './kit.mjs';

/** Runs in the browser, which parses the pages; gives what is missing and how often a page refers to another. */
async function walk({ document: spec, prefix, only }) {
  const missing = [];
  let cuts = 0;
  const words = (text) => ` ${String(text).replace(/[^\p{L}\p{N}]+/gu, ' ').trim().toLowerCase()} `;
  const pointer = (ref) =>
    ref.slice(2).split('/').reduce((at, name) => at?.[decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~')], spec);
  const deref = (value) => {
    let at = value;
    for (let n = 0; at?.$ref && n < 8; n += 1) at = pointer(at.$ref);
    return at?.$ref ? {} : (at ?? {});
  };
  const sorted = (value) =>
    JSON.stringify(value, (_, v) =>
      v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort()) : v,
    );
  const slug = (id) => id.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-');
  const pages = new Map();
  async function page(path) {
    if (!pages.has(path)) {
      const answer = await fetch(path);
      const text = await answer.text();
      pages.set(path, answer.ok ? new DOMParser().parseFromString(text, 'text/html') : null);
    }
    return pages.get(path);
  }

  /** Everything that is said of one value, whichever way it is put together: what must be read, its fields, its options. */
  function collect(schema, within, out = { said: [], fields: new Map(), required: new Set(), options: [], refs: [], circle: false }, inItems = false) {
    if (typeof schema !== 'object' || schema === null) return out;
    const target = deref(schema);
    if (schema.$ref) {
      const { $ref, ...beside } = schema;
      if (Object.keys(beside).length > 0) collect(beside, within, out, inItems);
      if (within.includes(target)) {
        out.circle = true;
        return out;
      }
      out.refs.push(target);
    }
    out.said.push({ schema: target, inItems });
    for (const part of target.allOf ?? []) collect(part, within, out, inItems);
    if (target.items && typeof target.items === 'object') collect(target.items, within, out, true);
    for (const options of [target.oneOf ?? [], target.anyOf ?? []]) {
      if (options.length > 0 && options.every((o) => Object.keys(o).join() === 'required')) {
        out.said.push({ schema: {}, rule: `one of ${options.map((o) => o.required.join(' and ')).join(', ')} is required` });
        continue;
      }
      const real = options.filter((o) => deref(o).type !== 'null');
      if (real.length < options.length) out.said.push({ schema: { nullable: true }, inItems });
      if (real.length === 1 && out.options.length === 0) collect(real[0], within, out, inItems);
      else out.options.push(...real);
    }
    for (const [name, property] of Object.entries(target.properties ?? {})) {
      out.fields.set(name, [...(out.fields.get(name) ?? []), property]);
    }
    for (const [pattern, property] of Object.entries(target.patternProperties ?? {})) {
      out.fields.set(`any name that matches ${pattern}`, [property]);
    }
    if (target.additionalProperties && typeof target.additionalProperties === 'object') {
      out.fields.set('any other name', [target.additionalProperties]);
    }
    for (const [at, item] of (target.prefixItems ?? []).entries()) out.fields.set(`[${at}]`, [item]);
    for (const name of target.required ?? []) out.required.add(name);
    return out;
  }

  /** What has to be read beside a field: its kind in one place, everything else in the others. */
  function expected({ said }) {
    const texts = [];
    const kinds = [];
    const outer = said.filter((s) => !s.inItems);
    // Of several descriptions, defaults and lists of values the nearest counts.
    const nearest = (name) => (outer.find((s) => name in s.schema) ?? said.find((s) => name in s.schema))?.schema;
    const chosen = said.some((s) => s.schema.enum || 'const' in s.schema);
    for (const { schema: s, inItems, rule } of said) {
      if (rule) texts.push(rule);
      if (s.description && nearest('description') === s) texts.push(s.description);
      const types = [s.type ?? []].flat();
      kinds.push(...types.filter((t) => t !== 'null'));
      if (types.includes('null') || s.nullable) (inItems ? texts : kinds).push(inItems ? 'each may be null' : 'or null');
      for (const name of ['format', 'pattern', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf',
        'minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties', 'contentEncoding', 'contentMediaType']) {
        if (name in s && typeof s[name] !== 'boolean') texts.push(s[name]);
      }
      if (s.exclusiveMinimum) texts.push('more than');
      if (s.uniqueItems) texts.push('no item twice');
      if (s.additionalProperties === false) texts.push('no other fields');
      for (const value of (nearest('enum') === s && s.enum) || []) texts.push(value);
      if ('const' in s) texts.push(s.const);
      if (nearest('default') === s && !inItems) texts.push(`default ${typeof s.default === 'object' ? JSON.stringify(s.default) : s.default}`);
      if (nearest('example') === s && !inItems && !chosen && typeof s.example !== 'object' && String(s.example).length < 100) {
        texts.push(s.example);
      }
      for (const [name, shown] of [['deprecated', 'deprecated'], ['readOnly', 'read only'], ['writeOnly', 'write only']]) {
        if (s[name] && !inItems) kinds.push(shown);
      }
    }
    return { texts, kinds };
  }

  const own = (element, selector) => [...element.children].filter((c) => c.matches(selector));
  const textOf = (elements) => words(elements.map(spaced).join(' '));

  /** The text of an element; what stands in two elements is two words. */
  function spaced(element) {
    const parts = [];
    const all = element.ownerDocument.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (all.nextNode()) parts.push(all.currentNode.data);
    return parts.join(' ');
  }

  function has(where, shown, wanted) {
    if (words(wanted).trim() && !shown.includes(words(wanted))) missing.push(`${where}: “${String(wanted).slice(0, 80)}”`);
  }

  async function check(where, element, schema, way, within) {
    const all = collect(schema, within);
    const inside = [...within, ...all.refs];
    const lists = own(element, 'ul.fields').flatMap((l) => own(l, 'li'));
    const someRequired = all.required.size > 0;
    for (const [name, schemas] of all.fields) {
      const at = `${where}.${name}`;
      const entry = lists.find((l) => l.querySelector(':scope > .field-head > .name').textContent === name);
      if (!entry) {
        missing.push(`${at}: the field`);
        continue;
      }
      const field = schemas.length === 1 ? schemas[0] : { allOf: schemas.toReversed() };
      await checkEntry(at, entry, field, way, inside);
      const head = textOf(own(entry, '.field-head'));
      const isRequired = all.required.has(name);
      if (way === 'sent' && isRequired) has(at, head, 'required');
      if (way === 'sent' && !isRequired && head.includes(' required ')) missing.push(`${at}: it is not required`);
      if (way === 'received' && someRequired && !isRequired) has(at, head, 'may be missing');
    }
    const options = own(element, '.option');
    for (const [n, option] of all.options.entries()) {
      const at = `${where}|${n}`;
      if (!options[n]) {
        missing.push(`${at}: the option`);
        continue;
      }
      const seen = collect(option, inside);
      const { texts, kinds } = expected(seen);
      for (const text of texts) has(at, textOf(own(options[n], '.field-text, .rules, .values')), text);
      for (const kind of kinds) has(at, textOf(own(options[n], '.option-title')), kind);
      await check(at, options[n], option, way, inside);
    }
  }

  async function checkEntry(at, entry, schema, way, within) {
    const all = collect(schema, within);
    const { texts, kinds } = expected(all);
    const head = textOf(own(entry, '.field-head'));
    for (const kind of kinds) {
      if (!head.includes(` ${kind}`)) missing.push(`${at}: “${kind}” in ${head}`);
    }
    const shown = textOf(own(entry, '.field-text, .rules, .values'));
    for (const text of texts) has(at, shown, text);
    if (all.fields.size + all.options.length === 0 && !all.circle) return;
    const details = own(entry, 'details')[0];
    if (details) {
      await check(at, details, schema, way, within);
      return;
    }
    // What is not here is said to be elsewhere, and is there.
    cuts += 1;
    const link = own(entry, '.rules').map((r) => r.querySelector('a.schema')).find(Boolean);
    if (link && !(await page(link.getAttribute('href')))) missing.push(`${at}: ${link.href} is not there`);
    if (!link) has(at, shown, 'goes on in the OpenAPI document');
  }

  /** The JSON in blocks of code. */
  function values(element) {
    return [...element.querySelectorAll('code[data-copy-from]')].flatMap((code) => {
      try {
        return [sorted(JSON.parse(code.textContent))];
      } catch {
        return [];
      }
    });
  }

  function examples(media) {
    const named = Object.values(media.examples ?? {}).map((e) => deref(e).value);
    return named.length > 0 ? named : 'example' in media ? [media.example] : [];
  }

  async function operation(path, method, item, found) {
    const href = `/docs/api/${slug(found.operationId)}`;
    const doc = await page(href);
    if (!doc) {
      missing.push(`${href}: the page`);
      return;
    }
    const section = (id) => doc.getElementById(id)?.closest('section');
    const head = textOf([doc.querySelector('.docs-head')]);
    for (const text of [`${prefix}${path}`, method, found.summary, found.description ?? '']) has(href, head, text);
    if (found.deprecated) has(href, head, 'deprecated');
    for (const scope of found.security[0][Object.keys(found.security[0])[0]]) has(`${href} scopes`, textOf([section('authorization')]), scope);
    for (const name of ['RateLimit', 'RateLimit-Policy', 'Retry-After']) has(`${href} limits`, textOf([section('limits')]), name);
    const codes = ['bad_request', 'missing_credentials', 'malformed_credentials', 'invalid_key', 'expired_key', 'revoked_key',
      'insufficient_scope', 'address_not_allowed', 'account_suspended', 'rate_limited', 'quota_exceeded', 'uri_too_long',
      'headers_too_large', 'request_timeout', 'upstream_unreachable', 'no_healthy_upstream', 'upstream_timeout', 'maintenance',
      'store_unavailable', 'overloaded', ...(found.requestBody ? ['body_too_large'] : [])];
    const links = [...section('errors').querySelectorAll('a')].map((a) => a.getAttribute('href'));
    for (const code of codes) if (!links.includes(`/docs/errors/${code}`)) missing.push(`${href} errors: ${code}`);

    const parameters = new Map();
    for (const p of [...(item.parameters ?? []), ...(found.parameters ?? [])].map(deref)) parameters.set(`${p.in} ${p.name}`, p);
    for (const p of parameters.values()) {
      const at = `${href} ${p.in} ${p.name}`;
      const list = section({ path: 'path', query: 'query', header: 'headers', cookie: 'cookies' }[p.in]);
      const entry = [...(list?.querySelectorAll(':scope > ul > li') ?? [])].find((l) => l.querySelector('.name').textContent === p.name);
      if (!entry) {
        missing.push(`${at}: the parameter`);
        continue;
      }
      const { description, example, deprecated } = p;
      const beside = Object.fromEntries(Object.entries({ description, example, deprecated }).filter(([, v]) => v !== undefined));
      // What a parameter says of itself comes before what its schema says.
      const schema = { ...deref(p.schema ?? Object.values(p.content ?? {})[0]?.schema), ...beside };
      await checkEntry(at, entry, schema, 'sent', []);
      const shown = textOf(own(entry, '.field-head')).includes(' required ');
      if (shown !== Boolean(p.required || p.in === 'path')) missing.push(`${at}: required`);
    }

    const body = found.requestBody && deref(found.requestBody);
    if (body) await bodies(`${href} body`, section('body'), section('body'), body, 'sent', doc);
    for (const [status, reference] of Object.entries(found.responses)) {
      const answer = deref(reference);
      const at = `${href} ${status}`;
      const shown = status === 'default' ? 'others' : status;
      const details = [...section('responses').querySelectorAll('details.answer')].find(
        (d) => d.querySelector('summary .badge').textContent === shown,
      );
      if (!details) {
        missing.push(`${at}: the answer`);
        continue;
      }
      has(at, textOf([details.querySelector('summary')]), answer.description);
      const inner = details.querySelector(':scope > div');
      if (answer.content) await bodies(at, details, inner, answer, 'received', doc);
      for (const [name, header] of Object.entries(answer.headers ?? {})) {
        const list = [...inner.children].find((c, n, all) => c.matches('ul.fields') && all[n - 1]?.matches('h3'));
        const entry = [...(list?.children ?? [])].find((l) => l.querySelector('.name').textContent === name);
        if (!entry) missing.push(`${at}: the field ${name}`);
        else await checkEntry(`${at} ${name}`, entry, { ...deref(deref(header).schema), ...(deref(header).description && { description: deref(header).description }) }, 'received', []);
      }
    }
  }

  /** A body in all its media types, with its examples. */
  async function bodies(at, outer, element, body, way, doc) {
    if (body.required) has(at, textOf([element]), 'required');
    if (way === 'sent' && body.description) has(at, textOf([element]), body.description);
    const types = Object.keys(body.content);
    const first = types.find((t) => /json/.test(t)) ?? types[0];
    for (const type of types) {
      has(at, textOf([element]), type);
      const media = body.content[type];
      const folded = own(element, 'details.folded');
      const alsoAs = folded.find((d) => d.querySelector('summary code')?.textContent === type);
      let place = element;
      if (type !== first) place = alsoAs;
      else if (way === 'received') place = folded.find((d) => !/^(Also as|\d+ example)/.test(d.querySelector('summary').textContent)) ?? element;
      if (!place) {
        missing.push(`${at}: ${type}`);
        continue;
      }
      const all = collect(media.schema ?? {}, []);
      if (all.fields.size + all.options.length > 0) {
        const { texts } = expected(all);
        for (const text of texts) has(`${at} as a whole`, textOf(own(place, '.field-text, .rules, .values')), text);
        await check(at, place, media.schema, way, []);
      } else if (media.schema) {
        const entry = own(place, 'ul.fields').flatMap((l) => [...l.children]).find((l) => l.querySelector('.name').textContent === 'body');
        if (entry) await checkEntry(`${at} body`, entry, media.schema, way, []);
        else missing.push(`${at}: the body`);
      }
      const side = doc.querySelector('.samples-side');
      const shown = [...values(outer), ...values(side)];
      const sent = side.querySelector('[aria-label="Request, curl"] code').textContent;
      const data = /--data '([\s\S]*)'$/.exec(sent)?.[1].replaceAll(`'\\''`, `'`);
      if (way === 'sent' && data) shown.push(sorted(JSON.parse(data)));
      const wanted = examples(media);
      for (const value of wanted) if (!shown.includes(sorted(value))) missing.push(`${at}: the example ${sorted(value)}`);
      if (wanted.length === 0 && shown.length === 0 && /json/.test(type)) missing.push(`${at}: any example`);
    }
  }

  let walked = 0;
  for (const [path, reference] of Object.entries(spec.paths)) {
    const item = deref(reference);
    for (const method of ['get', 'put', 'post', 'delete', 'patch']) {
      const found = item[method];
      if (!found || (only && !only.includes(found.operationId))) continue;
      walked += 1;
      await operation(path, method, item, found);
    }
  }
  for (const [name, schema] of Object.entries(only ? {} : (spec.components?.schemas ?? {}))) {
    const doc = await page(`/docs/schemas/${name}`);
    const section = doc?.getElementById('fields').closest('section');
    if (!section) missing.push(`${name}: the page`);
    else if (collect(schema, []).fields.size > 0) await check(name, section, schema, 'sent', [schema]);
  }
  return { missing, cuts, walked, pages: pages.size };
}

await main(async (browser, { origin, document, prefix, only }) => {
  const { context, faults } = await watched(browser, origin);
  const page = await context.newPage();
  await page.goto(`${origin}/docs`);
  const told = await page.evaluate(walk, { document, prefix, only });
  await context.close();
  return { ...told, faults };
});
