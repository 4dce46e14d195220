// connect-redis keeps what a visitor did: `express_sessions.mjs URL`. Express and express-session
// around it, as its own page shows; a real port and real cookies. `express_sessions.mjs --pasted FILE`:
// by the text that the panel shows to paste, and no more than a visitor does.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// The packages are not beside this file: PACKAGES says where.
const require = createRequire(process.env.PACKAGES + "/");
const { RedisStore } = require("connect-redis");
const express = require("express");
const session = require("express-session");
const { createClient } = require("redis");

const app = express();
const pasted = process.argv[2] === "--pasted";
let client, store;
if (pasted) {
  new Function("require", "app", readFileSync(process.argv[3], "utf8"))(require, app);
} else {
  client = createClient({ url: process.argv[2] });
  client.on("error", (error) => {
    throw error;
  });
  await client.connect();
  store = new RedisStore({ client, prefix: "sess:" });
  app.use(session({ store, secret: "only for tests", resave: false, saveUninitialized: false }));
}
app.get("/add", (request, response) => {
  request.session.seen = (request.session.seen ?? 0) + 1;
  response.send(String(request.session.seen));
});
app.get("/look", (request, response) => response.send(String(request.session.seen ?? "nothing")));
app.get("/leave", (request, response) => request.session.destroy(() => response.send("gone")));
const server = app.listen(0, "127.0.0.1");
await new Promise((ready) => server.once("listening", ready));
const { port } = server.address();

function visitor() {
  let cookie = "";
  return async (path) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } });
    cookie = answer.headers.get("set-cookie")?.split(";")[0] ?? cookie;
    return answer.text();
  };
}

const [one, other] = [visitor(), visitor()];
for (const seen of ["1", "2", "3"]) assert.equal(await one("/add"), seen);
assert.equal(await other("/add"), "1");
// Only looked at: the store is asked to keep it longer (EXPIRE).
assert.equal(await one("/look"), "3");
if (!pasted) {
  assert.equal(await store.length(), 2);
  assert.deepEqual((await store.ids()).length, 2);
}
assert.equal(await one("/leave"), "gone");
assert.equal(await one("/look"), "nothing");
assert.equal(await other("/look"), "1");
if (!pasted) {
  await store.clear();
  assert.equal(await store.length(), 0);
  await client.close();
}
server.close();
console.log("ok");
// What was pasted has a connection of its own, which nobody here can close.
if (pasted) process.exit(0);
