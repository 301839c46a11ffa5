// Clients of HTTP that are written for node:http, against a server of the test's.
import http from 'node:http';
import axios from 'axios';
import got from 'got';

const cases = {
  axios: async (base) => (await axios.post(`${base}/echo`, { a: 1 }, { headers: { 'x-name': 'value' } })).data,
  axiosStatus: async (base) => axios.get(`${base}/packed/404`).catch((error) => error.response.status),
  axiosGzip: async (base) => (await axios.get(`${base}/packed/200`)).data,
  axiosRedirect: async (base) => (await axios.get(`${base}/moved/302//echo`)).data,
  axiosTimeout: async (base) => axios.get(`${base}/stall`, { timeout: 20 }).catch((error) => error.code),
  axiosStream: async (base) => {
    let bytes = 0;
    for await (const piece of (await axios.get(`${base}/big/1000000`, { responseType: 'stream' })).data) bytes += piece.length;
    return bytes;
  },
  got: async (base) => got.post(`${base}/echo`, { json: { g: 1 }, retry: { limit: 0 } }).json(),
  gotGzip: async (base) => got(`${base}/packed/200`, { retry: { limit: 0 } }).text(),
  http: (base) => new Promise((resolve, reject) => {
    const request = http.request(`${base}/echo`, { method: 'PUT', auth: 'user:word' }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece) => { text += piece; }).on('end', () => {
        resolve([response.statusCode, response.headers['set-cookie'], JSON.parse(text)]);
      });
    });
    request.on('error', reject);
    request.write('one ');
    request.end('two');
  }),
  upload: (base) => new Promise((resolve, reject) => {
    const request = http.request(`${base}/size`, { method: 'POST' }, async (response) => {
      let text = '';
      for await (const piece of response) text += piece;
      resolve(text);
    });
    request.on('error', reject);
    let left = 40;
    const write = () => {
      while (left-- > 0) if (!request.write(Buffer.alloc(50_000))) return request.once('drain', write);
      return request.end();
    };
    write();
  }),
  abort: (base) => new Promise((resolve) => {
    const request = http.get(`${base}/stall`).on('error', (error) => resolve(error.code));
    setTimeout(() => request.destroy(), 5);
  }),
  denied: () => new Promise((resolve) => { http.get('http://10.0.0.1/').on('error', (error) => resolve(error.code)); }),
};

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    return Response.json(await cases[searchParams.get('case')](searchParams.get('base')));
  },
};
