// An Express application as it is written for Node: it listens, and exports nothing.
const compression = require('compression');
const express = require('express');
const jwt = require('jsonwebtoken');

const app = express();
app.use(compression({ threshold: 100 }));
app.use(express.json({ limit: '1mb' }));

const routes = express.Router();
routes.get('/hello/:name', (request, response) => response.send(`hello ${request.params.name} ${request.query.from ?? ''}`));
routes.get('/who', (request, response) => response.send(`${request.ip} ${request.socket.remotePort > 0}`));
routes.post('/echo', (request, response) => response.status(201).set('x-type', request.get('content-type')).json(request.body));
routes.get('/large', (request, response) => response.type('text').send('x'.repeat(5000)));
routes.get('/slowly', (request, response) => {
  let sent = 0;
  response.type('text');
  const timer = setInterval(() => {
    response.write(`part ${sent}\n`);
    if (++sent < 3) return;
    clearInterval(timer);
    response.end();
  }, 2);
});
routes.get('/fail', async () => { throw new Error('on purpose'); });
routes.get('/file', (request, response, next) => response.sendFile('/etc/passwd', next));
routes.get('/token', (request, response) => {
  const token = jwt.sign({ user: 7, iat: 1 }, 'secret');
  response.json({ token, said: jwt.verify(token, 'secret').user });
});
app.use('/express', routes);
app.use((error, request, response, next) => response.status(error.status ?? 500).json({ error: error.message }));
app.listen(3000, () => console.log('listening'));
