// MIME types (MIME Sniffing 4.4, 4.5) and how a Content-Type field becomes one (Fetch 2.2.2, "extract a MIME type").
// Lazy; returns
//
//   parseMime(text) -> one type, serialized; '' where it is not valid
//   mimeEssence(text) -> "type/subtype" of one type; '' where it is not valid
//   mimeOf(field) -> the serialized type of a Content-Type field; '' where it has none that is valid

const kPlainMime = /^[a-z]+\/[a-z0-9.+-]+$/;  // the rule: serialized as it is
const kToken = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const kBlank = /^[\t\n\r ]+|[\t\n\r ]+$/g;
const kQuotable = /^[\t\x20-\x7e\x80-\xff]*$/;

// A quoted string that begins at `at` -> { value, end }. An escape at the very end stands for a backslash.
function quotedString(text, at) {
  let value = '';
  for (++at; at < text.length && text[at] !== '"'; ++at) {
    if (text[at] !== '\\') value += text[at];
    else if (at + 1 < text.length) value += text[++at];
    else value += '\\';
  }
  return { value, end: at + 1 };
}

// `; name=value; name="quoted value"`, leniently: what is malformed is left out.
function parametersOf(text, at) {
  const parameters = new Map();
  const until = (pattern) => {
    pattern.lastIndex = at;
    return pattern.exec(text)?.index ?? text.length;
  };
  while (at < text.length) {
    at = until(/[^\t\n\r ]/g);
    const end = until(/[;=]/g);
    const name = text.slice(at, end).toLowerCase();
    at = end + 1;
    if (text[end] !== '=') continue;
    let value;
    if (text[at] === '"') {
      const quoted = quotedString(text, at);
      value = quoted.value;
      at = quoted.end;
      at = until(/;/g) + 1;
    } else {
      const stop = until(/;/g);
      value = text.slice(at, stop).replace(/[\t\n\r ]+$/, '');
      at = stop + 1;
      if (value === '') continue;
    }
    if (kToken.test(name) && kQuotable.test(value) && !parameters.has(name)) parameters.set(name, value);
  }
  return parameters;
}

// { essence, parameters }, or null.
function parse(input) {
  const text = input.replace(kBlank, '');
  const slash = text.indexOf('/');
  if (slash < 0) return null;
  const semicolon = text.indexOf(';', slash);
  const end = semicolon < 0 ? text.length : semicolon;
  const type = text.slice(0, slash);
  const subtype = text.slice(slash + 1, end).replace(/[\t\n\r ]+$/, '');
  if (!kToken.test(type) || !kToken.test(subtype)) return null;
  return { essence: `${type}/${subtype}`.toLowerCase(), parameters: parametersOf(text, end + 1) };
}

function serialize({ essence, parameters }) {
  let text = essence;
  for (const [name, value] of parameters) {
    text += `;${name}=${kToken.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`}`;
  }
  return text;
}

// A field's values: split at commas that are in no quoted string.
function split(field) {
  const values = [];
  let from = 0;
  for (let at = 0; at < field.length; ++at) {
    if (field[at] === '"') at = quotedString(field, at).end - 1;
    else if (field[at] === ',') {
      values.push(field.slice(from, at));
      from = at + 1;
    }
  }
  values.push(field.slice(from));
  return values;
}

const parseMime = (text) => {
  const type = parse(text);
  return type === null ? '' : serialize(type);
};

const mimeEssence = (text) => parse(text)?.essence ?? '';

const mimeOf = (field) => {
  if (field === null || field === '' || field === undefined) return '';
  if (kPlainMime.test(field)) return field;
  let found = null;
  let charset;
  for (const value of split(field)) {
    const type = parse(value);
    if (type === null || type.essence === '*/*') continue;
    if (found === null || type.essence !== found.essence) charset = type.parameters.get('charset');
    else if (!type.parameters.has('charset') && charset !== undefined) type.parameters.set('charset', charset);
    found = type;
  }
  return found === null ? '' : serialize(found);
};

return { parseMime, mimeEssence, mimeOf };
