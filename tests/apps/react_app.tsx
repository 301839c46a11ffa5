// react-dom/server: a page as one string, and as a stream with a part that comes later.
import { Suspense, use, useId, useState } from 'react';
import { renderToReadableStream, renderToStaticMarkup, renderToString } from 'react-dom/server';

function Counter({ start }: { start: number }) {
  const [count] = useState(start);
  const id = useId();
  return <button id={id} onClick={() => {}}>{count} <b>{'<&>'}</b></button>;
}
const later = () => new Promise<string>((resolve) => { setTimeout(() => resolve('came later'), 5); });
function Late({ promise }: { promise: Promise<string> }) { return <p>{use(promise)}</p>; }
const Page = () => <html><body><h1>streamed</h1><Suspense fallback={<i>waiting</i>}><Late promise={later()} /></Suspense></body></html>;

async function text(stream: ReadableStream<Uint8Array>) {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let all = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return all;
    all += decoder.decode(value, { stream: true });
  }
}

export default {
  async fetch(request: Request) {
    const what = new URL(request.url).pathname.split('/').at(-1);
    const headers = { 'content-type': 'text/html; charset=utf-8' };
    if (what === 'string') return new Response(renderToString(<Counter start={3} />), { headers });
    if (what === 'static') return new Response(renderToStaticMarkup(<ul>{[1, 2].map((i) => <li key={i}>{i}</li>)}</ul>), { headers });
    if (what === 'response') return new Response(await renderToReadableStream(<Page />), { headers });
    return new Response(await text(await renderToReadableStream(<Page />)), { headers });
  },
};
