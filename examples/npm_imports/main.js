// A folder with a package.json: packages from npm are bundled in, and so are files of your own.
//
//   cd npm_imports && npm install
//   ztsctl deploy . --name ids
//   curl "http://127.0.0.1:8080/ids?count=3"
import { nanoid } from "nanoid";
import { countFrom } from "./query.js";

export default {
  fetch(request) {
    const ids = Array.from({ length: countFrom(request.url) }, () => nanoid());
    return Response.json(ids);
  },
};
