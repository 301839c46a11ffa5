// A router over URL, as small frameworks write it: parameters, wildcards, methods, query.
const routes = [];
const on = (method, pattern, handler) => {
  const names = [];
  const source = pattern.replace(/[.+]/g, '\\$&').replace(/:(\w+)/g, (_, name) => {
    names.push(name);
    return '([^/]+)';
  }).replace(/\*$/, () => {
    names.push('rest');
    return '(.*)';
  });
  routes.push({ method, regexp: new RegExp(`^${source}$`), names, handler });
};

on('GET', '/', () => new Response('home'));
on('GET', '/users/:id', ({ params }) => Response.json({ user: params.id }));
on('GET', '/users/:id/posts/:post', ({ params, url }) => Response.json({ ...params, page: Number(url.searchParams.get('page') ?? 1) }));
on('POST', '/users', async ({ request }) => Response.json({ created: await request.json() }, { status: 201 }));
on('GET', '/files/*', ({ params }) => new Response(params.rest));
on('GET', '/old', ({ url }) => Response.redirect(new URL('/new', url), 301));

export default {
  async fetch(request) {
    const url = new URL(request.url);
    let allowed = [];
    for (const { method, regexp, names, handler } of routes) {
      const match = regexp.exec(url.pathname);
      if (match === null) continue;
      if (method !== request.method) {
        allowed.push(method);
        continue;
      }
      const params = Object.fromEntries(names.map((name, i) => [name, decodeURIComponent(match[i + 1])]));
      return handler({ request, url, params });
    }
    return allowed.length > 0 ? new Response('no such method', { status: 405, headers: { allow: allowed.join(', ') } })
      : new Response('not found', { status: 404 });
  },
};
