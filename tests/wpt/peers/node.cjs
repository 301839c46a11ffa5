// Runs a test's script in Node and prints its results: node node.cjs FILE
const fs = require('node:fs');
const vm = require('node:vm');
globalThis.self = globalThis;
globalThis.wptDone = (text) => fs.writeSync(1, text + '\n', undefined, 'utf8') && process.exit(0);
// A test that leaves a rejection or an exception to the global handlers goes on, as in a browser.
process.on('uncaughtException', () => {});
vm.runInThisContext(fs.readFileSync(process.argv[2], 'utf8'), {filename: 'test.js'});
