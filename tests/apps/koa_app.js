// A Koa application as it is written for Node.
import { Readable } from 'node:stream';
import Koa from 'koa';

const app = new Koa();
app.use(async (context, next) => {
  await next();
  context.set('x-length', String(context.length ?? 'unknown'));
});
app.use(async (context) => {
  if (context.path.endsWith('/stream')) context.body = Readable.from(['one ', 'two ', 'three']);
  else if (context.path.endsWith('/fail')) context.throw(418, 'on purpose');
  else context.body = { method: context.method, path: context.path, query: { ...context.query } };
});
app.listen(3000);
