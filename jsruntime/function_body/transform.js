// An ES module as the body of a strict function: what V8 can write into a snapshot that another process reads.
//
// Every line and column stays where it was, so that stack traces and the source map still fit: what is taken out becomes blanks, imported
// names become parameters, and the exports are an object that the last line returns. What a function's body cannot say is a refusal.

import { parse, tokTypes } from 'acorn';

class Refusal extends Error {}

const refuse = (reason) => {
  throw new Refusal(reason);
};

// Where a node stands: at the module's top level, in arrow functions of it, or in a function that has `arguments` of its own.
const kTop = 0, kArrow = 1, kFunction = 2;

function scopeWithin(node, scope) {
  if (node.type === 'FunctionDeclaration' || node.type === 'FunctionExpression') return kFunction;
  return node.type === 'ArrowFunctionExpression' ? Math.max(scope, kArrow) : scope;
}

function look(node, scope) {
  if (scope === kTop && (node.type === 'AwaitExpression' || (node.type === 'ForOfStatement' && node.await) ||
                         (node.type === 'VariableDeclaration' && node.kind === 'await using'))) {
    refuse('it awaits at its top level');
  }
  if (node.type === 'MetaProperty' && node.meta.name === 'import') refuse('it uses import.meta');
  if (node.type === 'Identifier' && node.name === 'arguments' && scope !== kFunction) refuse("it uses 'arguments' at its top level");
}

// The names of members are no variables.
const isPlainKey = (node, key) => !node.computed &&
    ((key === 'property' && node.type === 'MemberExpression') ||
     (key === 'key' && (node.type === 'MethodDefinition' || node.type === 'PropertyDefinition' || (node.type === 'Property' && !node.shorthand))));

// Without recursion: machine-made code nests deeply.
function lookThrough(program) {
  const waiting = [[program, kTop]];
  while (waiting.length > 0) {
    const [node, scope] = waiting.pop();
    look(node, scope);
    const within = scopeWithin(node, scope);
    for (const key in node) {
      const value = node[key];
      if (typeof value !== 'object' || value === null || isPlainKey(node, key)) continue;
      for (const child of Array.isArray(value) ? value : [value]) {
        if (typeof child?.type === 'string') waiting.push([child, within]);
      }
    }
  }
}

// A comment outside of modules. (So is a line that begins with `-->`, which no module can have.)
function refuseHtmlComments(source, tokens) {
  for (const { type, start } of tokens) {
    if (type === tokTypes.relational && source.startsWith('<!--', start)) refuse("it has '<!--' outside of strings");
  }
}

const nameOf = (node) => node.type === 'Literal' ? node.value : node.name;

function* namesIn(pattern) {
  if (pattern === null) return;
  if (pattern.type === 'Identifier') yield pattern.name;
  else if (pattern.type === 'ObjectPattern') for (const each of pattern.properties) yield* namesIn(each.value ?? each.argument);
  else if (pattern.type === 'ArrayPattern') for (const each of pattern.elements) yield* namesIn(each);
  else yield* namesIn(pattern.argument ?? pattern.left);  // ...rest, or a default
}

function* declaredBy(declaration) {
  if (declaration.type === 'VariableDeclaration') for (const each of declaration.declarations) yield* namesIn(each.id);
  else yield declaration.id.name;
}

const blank = (text) => text.replace(/[^\n\r\u2028\u2029]/g, ' ');

class Body {
  constructor(source) {
    this.source = source;
    this.edits = [];       // [start, end, text], in order
    this.exports = [];     // [name, expression]
    this.parameters = [];  // [name, module, name in it]
    this.modules = [];
    this.cell = this.unusedName();
  }
  // Of four characters: "export default " becomes as many of another text.
  unusedName() {
    for (const last of 'sabcdefghijklmnopqrtuvwxyz0123456789') {
      if (!this.source.includes(`$zt${last}`)) return `$zt${last}`;
    }
    return refuse('no name is left for its default export');
  }
  replace(start, end, text) { this.edits.push([start, end, text]); }
  // A whole statement. What stands before and after it does not become one.
  remove(node) { this.replace(node.start, node.end, ';' + blank(this.source.slice(node.start + 1, node.end))); }
  // `export `, `export default ` before a declaration.
  uncover(node) { this.replace(node.start, node.declaration.start, blank(this.source.slice(node.start, node.declaration.start))); }

  importFrom(node) {
    const module = node.source.value;
    this.modules.push(module);
    for (const each of node.specifiers) {
      const name = each.type === 'ImportSpecifier' ? nameOf(each.imported) : each.type === 'ImportDefaultSpecifier' ? 'default' : '*';
      this.parameters.push([each.local.name, module, name]);
    }
    this.remove(node);
  }
  exportDefault(node) {
    const { declaration } = node;
    if (/^(Function|Class)Declaration$/.test(declaration.type) && declaration.id !== null) {
      this.exports.push(['default', declaration.id.name]);
      return this.uncover(node);
    }
    // As the property of an object, a function without a name gets "default" for one, as it does in a module.
    const head = this.source.slice(node.start, declaration.start);
    const assignment = `${this.cell}={default:`;
    this.replace(node.start, declaration.start, assignment + blank(head).slice(assignment.length));
    if (/[\n\r\u2028\u2029]/.test(head.slice(0, assignment.length))) refuse("'export default' goes over two lines");
    this.replace(declaration.end, declaration.end, '};');
    this.exports.push(['default', `${this.cell}.default`]);
  }
  exportNamed(node) {
    if (node.source !== null) return this.exportFrom(node);
    if (node.declaration !== null) {
      for (const name of declaredBy(node.declaration)) this.exports.push([name, name]);
      return this.uncover(node);
    }
    for (const each of node.specifiers) this.exports.push([nameOf(each.exported), each.local.name]);
    this.remove(node);
  }
  exportFrom(node) {
    this.modules.push(node.source.value);
    for (const each of node.specifiers) {
      const local = `${this.cell}_${this.parameters.length}`;
      this.parameters.push([local, node.source.value, nameOf(each.local)]);
      this.exports.push([nameOf(each.exported), local]);
    }
    this.remove(node);
  }
  text() {
    let text = '', at = 0;
    for (const [start, end, replacement] of this.edits) {
      text += this.source.slice(at, start) + replacement;
      at = end;
    }
    const getters = this.exports.map(([name, expression]) => `get ${JSON.stringify(name)}(){return ${expression}}`);
    return `${text}${this.source.slice(at)}\n;return{__proto__:null,${getters.join()}};`;
  }
}

function bodyOf(source) {
  const tokens = [];
  const watched = source.includes('<!--');
  const program = parse(source, { ecmaVersion: 'latest', sourceType: 'module', onToken: watched ? (token) => tokens.push(token) : undefined });
  refuseHtmlComments(source, tokens);
  lookThrough(program);
  const body = new Body(source);
  if (source.startsWith('#!')) body.replace(0, 2, '//');
  for (const node of program.body) {
    if (node.type === 'ImportDeclaration') body.importFrom(node);
    else if (node.type === 'ExportDefaultDeclaration') body.exportDefault(node);
    else if (node.type === 'ExportNamedDeclaration') body.exportNamed(node);
    else if (node.type === 'ExportAllDeclaration') refuse('it exports all of another module');
  }
  body.parameters.push([body.cell, '', '']);
  return body;
}

// A refusal, or [text, modules, names of the parameters, the module of each, the name in it].
export function transform(source) {
  try {
    const body = bodyOf(source);
    const column = (index) => body.parameters.map((each) => each[index]);
    return [body.text(), body.modules, column(0), column(1), column(2)];
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    if (error instanceof SyntaxError) return `its syntax is not understood: ${error.message}`;
    if (error instanceof RangeError) return 'it nests too deeply';
    throw error;
  }
}
