// TechEmpower's JSON test: an object made for each request, and serialized.
export default {
  fetch() {
    return Response.json({ message: "Hello, World!" });
  },
};
