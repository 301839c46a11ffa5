// HTML by tagged templates, with escaping, nesting and a form.
class Html {
  constructor(text) { this.text = text; }
  toString() { return this.text; }
}
const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const render = (value) => value instanceof Html ? value.text : Array.isArray(value) ? value.map(render).join('')
  : value === null || value === undefined || value === false ? '' : String(value).replace(/[&<>"']/g, (c) => escapes[c]);
const html = (strings, ...values) => new Html(String.raw({ raw: strings }, ...values.map(render)));

const layout = (title, content) => html`<!doctype html><html><head><title>${title}</title></head><body>${content}</body></html>`;
const list = (entries) => html`<ul>${entries.map(([name, value]) => html`<li data-name="${name}">${value}</li>`)}</ul>`;

export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (request.method === 'POST') {
      const form = await request.formData();
      return page('Form', list([...form].map(([name, value]) => [name, value instanceof File ? `${value.name}: ${value.size} bytes` : value])));
    }
    return page(url.searchParams.get('title') ?? 'Query', list([...url.searchParams]));
  },
};

const page = (title, content) => new Response(String(layout(title, content)), { headers: { 'content-type': 'text/html; charset=utf-8' } });
