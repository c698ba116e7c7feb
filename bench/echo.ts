// The floor: a bare Hono app that parses a JSON body and sends one back. Prints its port.
import { serve } from "@hono/node-server";
import { Hono } from "hono";

const app = new Hono();
app.post("/echo", async (c) => c.json(await c.req.json()));
serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, ({ port }) =>
  console.error(JSON.stringify({ url: `http://127.0.0.1:${port}` })),
);
