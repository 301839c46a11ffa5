// An application written for Node, as it is: it listens, and exports nothing. The port does not matter.
//
//   cd express && npm install
//   ztsctl deploy . --name shop
//   curl "http://shop.localhost:8080/items/7"
import express from "express";

const items = new Map([["7", { id: 7, name: "seven" }]]);
const app = express();

app.get("/items/:id", (request, response) => {
  const item = items.get(request.params.id);
  if (item === undefined) response.status(404).json({ error: "no such item" });
  else response.json(item);
});

app.listen(3000);
