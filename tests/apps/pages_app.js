// marked, preact-render-to-string, uuid, date-fns: text, markup, identifiers, dates.
import { addMonths, differenceInCalendarDays, format, parseISO } from 'date-fns';
import { marked } from 'marked';
import { h } from 'preact';
import { useMemo } from 'preact/hooks';
import { render } from 'preact-render-to-string';
import { v4, v5, v7, validate, version } from 'uuid';

const List = ({ items }) => h('ul', { class: 'list' }, useMemo(() => items.map((item) => h('li', { key: item }, item)), [items]));

export default {
  async fetch(request) {
    const what = new URL(request.url).pathname.split('/').at(-1);
    switch (what) {
      case 'marked': return new Response(await marked.parse(await request.text()));
      case 'preact': return new Response(render(h(List, { items: ['a', '<b>'] })));
      case 'uuid': return new Response([v4(), v7()].map((id) => `${validate(id)}${version(id)}`).join() + v5('zts', v5.DNS));
      case 'dates': return new Response(`${format(addMonths(parseISO('2026-01-31'), 1), 'yyyy-MM-dd EEEE')} ${
        differenceInCalendarDays(new Date(2026, 2, 1), new Date(2026, 1, 1))}`);
      default: return new Response('no', { status: 404 });
    }
  },
};
