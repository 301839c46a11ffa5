// hono: routing, middleware, validation, cookies, errors.
import { Hono } from 'hono';
import { setCookie, getCookie } from 'hono/cookie';
import { bearerAuth } from 'hono/bearer-auth';
import { etag } from 'hono/etag';
import { HTTPException } from 'hono/http-exception';

const app = new Hono<{ Bindings: { GREETING: string } }>().basePath('/hono');
app.use('/private/*', bearerAuth({ token: 'secret' }));
app.use('/tagged', etag());
app.get('/', (c) => c.text(`${c.env.GREETING} from ${c.req.path}`));
app.get('/users/:id{[0-9]+}', (c) => c.json({ id: Number(c.req.param('id')), q: c.req.query('q') ?? null }));
app.post('/echo', async (c) => c.json(await c.req.json(), 201));
app.get('/private/x', (c) => c.text('in'));
app.get('/tagged', (c) => c.text('stable'));
app.get('/cookie', (c) => {
  setCookie(c, 'seen', 'yes', { path: '/' });
  return c.text(getCookie(c, 'seen') ?? 'no');
});
app.get('/fail', () => { throw new HTTPException(418, { message: 'teapot' }); });
app.notFound((c) => c.text('nothing', 404));
export default app;
