// A Fastify application: it loads its plugins first, and listens then.
import Fastify from 'fastify';

const app = Fastify({ logger: true });
app.register(async (scope) => {
  scope.get('/hello/:name', async (request, reply) => {
    reply.header('x-name', request.params.name);
    return { hello: request.params.name };
  });
  scope.post('/echo', { schema: { body: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } } } }, async (request) => request.body);
}, { prefix: '/fastify' });
app.listen({ port: 3000, host: '0.0.0.0' }, (error) => { if (error) console.error(error); });
