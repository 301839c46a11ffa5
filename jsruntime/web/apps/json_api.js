// A JSON API with state, validation and errors of its own.
class HttpError extends Error {
  constructor(status, message) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
  }
}

const items = new Map();
let next = 1;

async function readItem(request) {
  if (!request.headers.get('content-type')?.startsWith('application/json')) throw new HttpError(415, 'send application/json');
  let item;
  try {
    item = await request.json();
  } catch (cause) {
    throw new HttpError(400, 'the body is no JSON', { cause });
  }
  if (typeof item.title !== 'string' || item.title.trim() === '') throw new HttpError(422, 'title is missing');
  return { title: item.title.trim(), tags: [...new Set(item.tags ?? [])].sort(), due: item.due ? new Date(item.due).toISOString() : null };
}

async function handle(request, env) {
  const url = new URL(request.url);
  const [, collection, id] = url.pathname.split('/');
  if (collection !== 'items') throw new HttpError(404, `no ${collection}`);
  switch (`${request.method} ${id === undefined ? 'all' : 'one'}`) {
    case 'GET all': {
      const tag = url.searchParams.get('tag');
      const found = [...items.values()].filter((item) => tag === null || item.tags.includes(tag));
      return Response.json({ count: found.length, items: structuredClone(found) });
    }
    case 'POST all': {
      const item = { id: next++, ...await readItem(request) };
      items.set(item.id, item);
      return Response.json(item, { status: 201, headers: { location: `/items/${item.id}` } });
    }
    case 'GET one':
    case 'DELETE one': {
      const item = items.get(Number(id));
      if (item === undefined) throw new HttpError(404, `no item ${id}`);
      if (request.method === 'DELETE') {
        items.delete(item.id);
        return new Response(null, { status: 204 });
      }
      return Response.json(item, { headers: { 'cache-control': `max-age=${env.MAX_AGE ?? 0}` } });
    }
    default: throw new HttpError(405, 'no such method');
  }
}

export default {
  async fetch(request, env = {}) {
    try {
      return await handle(request, env);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      return Response.json({ error: error.message }, { status: error.status });
    }
  },
};
