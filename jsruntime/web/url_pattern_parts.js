// Pattern strings of the URL Pattern standard (section 2): their tokens, the parts they are made of, and what parts become: a regular
// expression, and a pattern string in its canonical form. Lazy.
//
//   tokenize(input, strict) -> [{ type, index, value }], index and value in code points; the last one is kEnd
//   compile(input, encode, options) -> { pattern, regexp, names, hasRegExpGroups }; TypeError where the pattern is not valid
//
// `encode` makes fixed text canonical. options: delimiter, which no segment goes across; prefix, which belongs to the group behind it; ignoreCase.

const kOpen = 'open', kClose = 'close', kRegExp = 'regexp', kName = 'name', kChar = 'char', kEscaped = 'escaped-char', kModifier = 'other-modifier',
  kAsterisk = 'asterisk', kEnd = 'end', kInvalid = 'invalid-char';
const kFixed = 'fixed-text', kSegment = 'segment-wildcard', kFull = 'full-wildcard';  // and kRegExp: the types of parts
const kSingle = { '*': kAsterisk, '+': kModifier, '?': kModifier, '{': kOpen, '}': kClose };
const kFullWildcard = '.*';

const isName = (char, first) => char !== undefined && (first ? /[\p{ID_Start}$_]/u : /[\p{ID_Continue}$\u200c\u200d]/u).test(char);
const isAscii = (char) => char <= '\x7f';
const isDigit = (text) => text[0] >= '0' && text[0] <= '9';

// --- 2.1 tokens ---

class Tokenizer {
  tokens = [];
  constructor(input, strict) {
    this.chars = [...input];
    this.strict = strict;
  }

  add(type, index, end, from = index, to = end) {
    this.tokens.push({ type, index, value: this.chars.slice(from, to).join('') });
    return end;
  }

  // What cannot be read: an error, or one character of its own.
  bad(index, end, what) {
    if (this.strict) throw new TypeError(`URLPattern: ${what} at ${index} of '${this.chars.join('')}'`);
    return this.add(kInvalid, index, end);
  }

  run() {
    const { chars } = this;
    for (let at = 0; at < chars.length;) at = this.next(at, chars[at]);
    this.add(kEnd, chars.length, chars.length);
    return this.tokens;
  }

  next(at, char) {
    if (Object.hasOwn(kSingle, char)) return this.add(kSingle[char], at, at + 1);
    switch (char) {
      case '\\':
        if (at === this.chars.length - 1) return this.bad(at, at + 1, 'a backslash escapes nothing');
        return this.add(kEscaped, at, at + 2, at + 1);
      case ':': {
        let end = at + 1;
        while (isName(this.chars[end], end === at + 1)) ++end;
        if (end === at + 1) return this.bad(at, end, 'a name is missing');
        return this.add(kName, at, end, at + 1);
      }
      case '(': {
        const end = this.endOfRegExp(at + 1);
        return end < 0 ? this.bad(at, at + 1, 'a regular expression is not valid') : this.add(kRegExp, at, end, at + 1, end - 1);
      }
      default:
        return this.add(kChar, at, at + 1);
    }
  }

  // Past its closing parenthesis; -1 where it is not one. Groups in it capture nothing.
  endOfRegExp(start) {
    const { chars } = this;
    let depth = 1;
    for (let at = start; at < chars.length; ++at) {
      if (!isAscii(chars[at]) || at === start && chars[at] === '?') return -1;
      if (chars[at] === '\\') {
        if (at === chars.length - 1 || !isAscii(chars[++at])) return -1;
      } else if (chars[at] === ')') {
        if (--depth === 0) return at === start ? -1 : at + 1;
      } else if (chars[at] === '(') {
        ++depth;
        if (chars[at + 1] !== '?') return -1;
      }
    }
    return -1;
  }
}

const tokenize = (input, strict) => new Tokenizer(input, strict).run();

// --- 2.2 parts: { type, value, modifier, name, prefix, suffix } ---

class Parser {
  parts = [];
  names = new Set();
  pending = '';  // fixed text that is not a part yet
  at = 0;
  number = 0;    // the name of the next group that has none

  constructor(input, encode, options) {
    this.input = input;
    this.tokens = tokenize(input, true);
    this.encode = encode;
    this.options = options;
    this.segment = segmentOf(options);
  }

  take(type) { return this.tokens[this.at].type === type ? this.tokens[this.at++] : undefined; }
  need(type) {
    const { index } = this.tokens[this.at];
    return this.take(type) ?? this.fail(`${type === kEnd ? 'the end' : `a ${type}`} is expected at ${index}`);
  }
  fail(what) { throw new TypeError(`URLPattern: ${what} of '${this.input}'`); }

  takeMatcher(name) { return this.take(kRegExp) ?? (name === undefined ? this.take(kAsterisk) : undefined); }
  takeModifier() { return (this.take(kModifier) ?? this.take(kAsterisk))?.value ?? ''; }
  takeText() {
    let text = '';
    for (let token; (token = this.take(kChar) ?? this.take(kEscaped)) !== undefined;) text += token.value;
    return text;
  }

  run() {
    while (this.at < this.tokens.length) {
      const char = this.take(kChar);
      const name = this.take(kName);
      const matcher = this.takeMatcher(name);
      if (name !== undefined || matcher !== undefined) {
        this.addGroup(char?.value ?? '', name, matcher);
        continue;
      }
      const fixed = char ?? this.take(kEscaped);
      if (fixed !== undefined) {
        this.pending += fixed.value;
      } else if (this.take(kOpen) !== undefined) {
        this.addBraces();
      } else {
        this.flush();
        this.need(kEnd);
      }
    }
    return this.parts;
  }

  addGroup(before, name, matcher) {
    const isPrefix = before === this.options.prefix;
    if (!isPrefix) this.pending += before;
    this.flush();
    this.add(isPrefix ? before : '', name, matcher, '', this.takeModifier());
  }

  addBraces() {
    const prefix = this.takeText();
    const name = this.take(kName);
    const matcher = this.takeMatcher(name);
    const suffix = this.takeText();
    this.need(kClose);
    this.add(prefix, name, matcher, suffix, this.takeModifier());
  }

  flush() {
    if (this.pending === '') return;
    const value = this.encode(this.pending);
    this.pending = '';
    this.parts.push({ type: kFixed, value, modifier: '', name: '', prefix: '', suffix: '' });
  }

  add(prefix, name, matcher, suffix, modifier) {
    const isText = name === undefined && matcher === undefined;
    if (isText && modifier === '') {
      this.pending += prefix;
      return;
    }
    this.flush();
    if (isText) {
      if (prefix !== '') this.parts.push({ type: kFixed, value: this.encode(prefix), modifier, name: '', prefix: '', suffix: '' });
      return;
    }
    const value = matcher === undefined ? this.segment : matcher.type === kAsterisk ? kFullWildcard : matcher.value;
    const type = value === this.segment ? kSegment : value === kFullWildcard ? kFull : kRegExp;
    const known = name === undefined ? `${this.number++}` : name.value;
    if (this.names.has(known)) this.fail(`two groups are named '${known}'`);
    this.names.add(known);
    this.parts.push({ type, value: type === kRegExp ? value : '', modifier, name: known, prefix: this.encode(prefix), suffix: this.encode(suffix) });
  }
}

// --- what parts become ---

const escapeRegExp = (text) => text.replace(/[.+*?^${}()[\]|/\\]/g, '\\$&');
const escapePattern = (text) => text.replace(/[+*?:{}()\\]/g, '\\$&');
const segmentOf = ({ delimiter }) => `[^${escapeRegExp(delimiter)}]+?`;

function sourceOf(part, options) {
  const { modifier } = part;
  if (part.type === kFixed) return modifier === '' ? escapeRegExp(part.value) : `(?:${escapeRegExp(part.value)})${modifier}`;
  const inner = part.type === kSegment ? segmentOf(options) : part.type === kFull ? kFullWildcard : part.value;
  const [prefix, suffix] = [escapeRegExp(part.prefix), escapeRegExp(part.suffix)];
  const repeats = modifier === '+' || modifier === '*';
  if (prefix === '' && suffix === '') return repeats ? `((?:${inner})${modifier})` : `(${inner})${modifier}`;
  if (!repeats) return `(?:${prefix}(${inner})${suffix})${modifier}`;
  // What stands between two is in the group, what stands around all of them is not.
  return `(?:${prefix}((?:${inner})(?:${suffix}${prefix}(?:${inner}))*)${suffix})${modifier === '*' ? '?' : ''}`;
}

// Whether a part must stand in braces, to be read again as what it is.
function needsBraces(part, previous, next, isNamed, { prefix }) {
  if (part.suffix !== '' || part.prefix !== '' && part.prefix !== prefix) return true;
  if (isNamed && part.type === kSegment && part.modifier === '' && next !== undefined && next.prefix === '' && next.suffix === '') {
    if (next.type === kFixed ? isName([...next.value][0], false) : isDigit(next.name)) return true;
  }
  return part.prefix === '' && previous?.type === kFixed && prefix !== '' && previous.value.endsWith(prefix);
}

function textOf(part, previous, next, options) {
  if (part.type === kFixed) return part.modifier === '' ? escapePattern(part.value) : `{${escapePattern(part.value)}}${part.modifier}`;
  const isNamed = !isDigit(part.name);
  const braces = needsBraces(part, previous, next, isNamed, options);
  let text = escapePattern(part.prefix);
  if (isNamed) text += `:${part.name}`;
  if (part.type === kRegExp) text += `(${part.value})`;
  else if (part.type === kSegment && !isNamed) text += `(${segmentOf(options)})`;
  else if (part.type === kFull) {
    const isPlain = !isNamed && (previous === undefined || previous.type === kFixed || previous.modifier !== '' || braces || part.prefix !== '');
    text += isPlain ? '*' : `(${kFullWildcard})`;
  }
  if (part.type === kSegment && isNamed && isName([...part.suffix][0], false)) text += '\\';
  text += escapePattern(part.suffix);
  return `${braces ? `{${text}}` : text}${part.modifier}`;
}

function compile(input, encode, options) {
  const parts = new Parser(input, encode, options).run();
  let regexp;
  try {
    regexp = new RegExp(`^${parts.map((part) => sourceOf(part, options)).join('')}$`, options.ignoreCase ? 'vi' : 'v');
  } catch (error) {
    throw new TypeError(`URLPattern: a regular expression in '${input}' is not valid: ${error.message}`);
  }
  return {
    pattern: parts.map((part, i) => textOf(part, parts[i - 1], parts[i + 1], options)).join(''),
    regexp,
    names: parts.filter((part) => part.type !== kFixed).map((part) => part.name),
    hasRegExpGroups: parts.some((part) => part.type === kRegExp),
  };
}

return { tokenize, compile, escapePattern, kOpen, kClose, kRegExp, kName, kChar, kEscaped, kAsterisk, kEnd, kInvalid };
