// The smallest answer: what remains is the cost of the house.
export default {
  fetch() {
    return new Response("Hello, world!");
  },
};
