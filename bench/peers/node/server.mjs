// The workloads of bench/load/workloads.py on node:http.
import { createServer } from "node:http";
import { once } from "node:events";

const letters = (count) => Buffer.from(Array.from({ length: count }, (_, i) => 97 + (i % 26)));
const kibibyte = letters(1024);
const body64k = letters(65536);

function send(response, type, body) {
  response.writeHead(200, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}

async function echo(request, response) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  send(response, "application/octet-stream", Buffer.concat(pieces));
}

async function stream(response) {
  response.writeHead(200, { "content-type": "application/octet-stream" });
  for (let i = 0; i < 16; i += 1) {
    if (!response.write(kibibyte)) await once(response, "drain");
  }
  response.end();
}

const server = createServer((request, response) => {
  switch (request.url) {
    case "/hello": return send(response, "text/plain", "Hello, world!");
    case "/json": return send(response, "application/json", JSON.stringify({ message: "Hello, World!" }));
    case "/body1k": return send(response, "application/octet-stream", kibibyte);
    case "/body64k": return send(response, "application/octet-stream", body64k);
    case "/echo": return echo(request, response);
    case "/stream": return stream(response);
  }
  response.writeHead(404).end();
});
server.listen({ host: "127.0.0.1", port: Number(process.env.PORT), backlog: 4096 });
