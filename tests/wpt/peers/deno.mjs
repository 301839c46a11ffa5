// Runs a test's script in Deno and prints its results: deno run -A deno.mjs FILE
globalThis.self = globalThis;
globalThis.wptDone = (text) => {
  const bytes = new TextEncoder().encode(text + '\n');
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  Deno.exit(0);
};
globalThis.addEventListener('unhandledrejection', (event) => event.preventDefault());
globalThis.addEventListener('error', (event) => event.preventDefault());
(0, eval)(Deno.readTextFileSync(Deno.args[0]));
