// The workloads of bench/load/workloads.py as a fetch handler: Deno, Bun and workerd take the same one.
const letters = (count) => new Uint8Array(Array.from({ length: count }, (_, i) => 97 + (i % 26)));
const kibibyte = letters(1024);
const body64k = letters(65536);

function pieces() {
  let left = 16;
  return new ReadableStream({
    pull(controller) {
      if (left === 0) return controller.close();
      left -= 1;
      controller.enqueue(kibibyte.slice());
    },
  });
}

export default async function handle(request) {
  const { url } = request;
  switch (url.slice(url.indexOf("/", 8))) {
    case "/hello": return new Response("Hello, world!");
    case "/json": return Response.json({ message: "Hello, World!" });
    case "/body1k": return new Response(kibibyte);
    case "/body64k": return new Response(body64k);
    case "/echo": return new Response(await request.arrayBuffer());
    case "/stream": return new Response(pieces());
  }
  return new Response("not found", { status: 404 });
}
