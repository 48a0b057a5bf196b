/**
 * The script of `/docs`. Text of the document and of answers only ever becomes text nodes. An answer is shown as it arrives, so that a stream can be
 * watched; at most `SHOWN_MAX` characters of it, because a page that holds everything would stop answering.
 */
export const DOCS_SCRIPT = String.raw`const SHOWN_MAX = 500000;
const base = new URL('../', import.meta.url);
const at = (id) => document.getElementById(id);

function el(name, fields, ...children) {
  const node = Object.assign(document.createElement(name), fields);
  node.append(...children);
  return node;
}

/** Every second piece between backticks is code. */
const rich = (text) => text.split('\x60').map((piece, i) => (i % 2 ? el('code', { textContent: piece }) : piece));

const lastOf = (ref) => ref.slice(ref.lastIndexOf('/') + 1);
const follow = (api, value) =>
  value && value.$ref ? value.$ref.slice(2).split('/').reduce((found, step) => found[step], api) : value;

/** A schema as one writes types, references by name. */
function typeText(schema, indent = '') {
  if (!schema || typeof schema !== 'object') return 'anything';
  if (schema.$ref) return lastOf(schema.$ref);
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const many = schema.oneOf || schema.anyOf;
  if (many) return many.map((each) => typeText(each, indent)).join(' | ');
  const type = [].concat(schema.type ?? 'anything').join(' | ');
  if (schema.type === 'array') {
    const item = typeText(schema.items, indent);
    return (item.includes(' | ') ? '(' + item + ')' : item) + '[]';
  }
  if (schema.type !== 'object') return schema.contentSchema ? 'JSON of ' + typeText(schema.contentSchema, indent) : type;
  if (!schema.properties) return '{ [name]: ' + typeText(schema.additionalProperties, indent) + ' }';
  const deeper = indent + '  ';
  const lines = Object.entries(schema.properties).map(([name, property]) => {
    const mark = (schema.required ?? []).includes(name) ? '' : '?';
    const note = property.description ? '  // ' + property.description : '';
    return deeper + name + mark + ': ' + typeText(property, deeper) + note;
  });
  return ['{', ...lines, indent + '}'].join('\n');
}

function field(parent, parameter) {
  const input = el('input', { id: 'field-' + field.count++, size: 40, autocomplete: 'off', placeholder: typeText(parameter.schema) });
  const label = el('label', { htmlFor: input.id, textContent: parameter.name + (parameter.required ? ' *' : '') });
  const note = el('div', { className: 'note' }, ...rich(parameter.description ?? ''));
  parent.append(el('div', { className: 'field' }, label, ' ', input, note));
  return { parameter, input };
}
field.count = 0;

function requestOf({ method, path }, fields, body) {
  const headers = new Headers();
  const query = new URLSearchParams();
  let address = path;
  for (const { parameter, input } of fields) {
    const value = input.value.trim();
    if (parameter.in === 'path') address = address.replace('{' + parameter.name + '}', encodeURIComponent(value));
    else if (value === '') continue;
    else if (parameter.in === 'query') query.set(parameter.name, value);
    else headers.set(parameter.name, value);
  }
  const key = at('key').value.trim();
  if (key !== '') headers.set('authorization', 'Bearer ' + key);
  const sent = body && body.value.trim();
  // Without a key a sign-in counts, and what changes something with that must be JSON, also when it is empty.
  if (sent || (key === '' && method !== 'GET')) headers.set('content-type', 'application/json');
  const search = query.size > 0 ? '?' + query : '';
  return [new URL(address.slice(1) + search, base), { method, headers, credentials: key === '' ? 'same-origin' : 'omit', ...(sent && { body: sent }) }];
}

async function show(answer, output) {
  const headers = [...answer.headers].map(([name, value]) => name + ': ' + value).join('\n');
  const head = answer.status + ' ' + answer.statusText + '\n' + headers + '\n\n';
  const isJson = (answer.headers.get('content-type') ?? '').includes('json');
  output.textContent = head;
  let text = '';
  const decoder = new TextDecoder();
  const reader = answer.body?.getReader();
  for (let piece = await reader?.read(); piece && !piece.done; piece = await reader.read()) {
    text += decoder.decode(piece.value, { stream: true });
    if (text.length > SHOWN_MAX) {
      await reader.cancel();
      text = text.slice(0, SHOWN_MAX) + '\n… cut here';
    }
    output.textContent = head + text;
  }
  if (!isJson || text.length > SHOWN_MAX) return;
  output.textContent = head + JSON.stringify(JSON.parse(text), null, 2);
}

function tryOut(place, operation, fields, body) {
  const output = el('pre', { hidden: true, tabIndex: 0, role: 'status' });
  const send = el('button', { type: 'button', textContent: 'Send' });
  const stop = el('button', { type: 'button', textContent: 'Stop reading', disabled: true });
  let under;
  stop.addEventListener('click', () => under?.abort());
  send.addEventListener('click', async () => {
    under = new AbortController();
    send.disabled = true;
    stop.disabled = false;
    output.hidden = false;
    output.textContent = 'sent…';
    try {
      const [address, request] = requestOf(operation, fields, body);
      await show(await fetch(address, { ...request, signal: under.signal, cache: 'no-store' }), output);
    } catch (error) {
      output.append('\n' + error.message);
    }
    send.disabled = false;
    stop.disabled = true;
  });
  place.append(send, stop, output);
}

function responses(place, api, operation) {
  place.append(el('h3', { textContent: 'Answers' }));
  for (const [status, response] of Object.entries(operation.responses)) {
    const types = Object.entries(response.content ?? {}).map(([media, { schema }]) => '\n    ' + media + ': ' + typeText(schema, '    '));
    const headers = Object.keys(response.headers ?? {}).join(', ');
    const text = status + '  ' + response.description + types.join('') + (headers && '\n    headers: ' + headers);
    place.append(el('pre', { textContent: text }));
  }
}

function render(api, path, method, operation) {
  const place = el('div', {}, el('p', {}, ...rich(operation.description)));
  const all = (operation.parameters ?? []).map((parameter) => follow(api, parameter));
  if (all.length > 0) place.append(el('h3', { textContent: 'Parameters' }));
  const fields = all.map((parameter) => field(place, parameter));
  let body;
  const sent = operation.requestBody?.content['application/json'].schema;
  if (sent) {
    const schema = follow(api, sent);
    body = el('textarea', { spellcheck: false, ariaLabel: 'Body', value: JSON.stringify(schema.examples?.[0] ?? {}, null, 2) });
    place.append(el('h3', { textContent: 'Body: ' + typeText(sent) }), el('pre', { textContent: typeText(schema) }), body);
  }
  tryOut(place, { method, path }, fields, body);
  responses(place, api, operation);
  const title = [el('span', { className: 'method ' + method, textContent: method }), el('code', { textContent: path }), '  ' + operation.summary];
  return el('details', { id: operation.operationId }, el('summary', {}, ...title), place);
}

function renderAll(api) {
  at('version').textContent = api.info.version;
  at('about').replaceChildren(...api.info.description.split('\n\n').flatMap((text) => [...rich(text), el('br', {})]));
  const all = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  for (const { name, description } of api.tags) {
    const shown = all.filter(({ operation }) => operation.tags.includes(name));
    at('operations').append(
      el('h2', { textContent: name }),
      el('p', { className: 'note', textContent: description }),
      ...shown.map(({ path, method, operation }) => render(api, path, method, operation)),
    );
  }
  const schemas = Object.entries(api.components.schemas).map(([name, schema]) =>
    el('details', { id: 'schema-' + name }, el('summary', { textContent: name }), el('div', {}, el('pre', { textContent: typeText(schema) }))),
  );
  at('schemas').append(el('h2', { textContent: 'Schemas' }), ...schemas);
  const opened = location.hash && at(location.hash.slice(1));
  if (opened) opened.open = true;
}

try {
  const answer = await fetch(new URL('openapi.json', base), { cache: 'no-store' });
  if (!answer.ok) throw new Error('status ' + answer.status);
  renderAll(await answer.json());
} catch (error) {
  at('about').textContent = 'The document could not be read: ' + error.message + '.';
}
`;
