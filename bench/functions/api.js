// A small API: reads the URL and a header, builds an object, answers JSON. Same request, same answer.
export default {
  fetch(request) {
    const url = new URL(request.url);
    const items = [];
    for (let id = 1; id <= 5; id += 1) {
      items.push({ id, name: `item ${id}`, price: id * 1.25, tags: ["a", "b"] });
    }
    return Response.json({ path: url.pathname, accept: request.headers.get("accept"), items });
  },
};
