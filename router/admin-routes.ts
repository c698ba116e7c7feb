// The owner's routes: tokens, pairing, the audit log. All need the scope admin. The command line uses them for a
// router that runs elsewhere, on Workers above all.
import { Hono } from "hono";
import * as v from "valibot";
import { SCOPES } from "../shared/contract.ts";
import { invalid, ToolError, toToolError } from "../shared/errors.ts";
import type { AppEnv } from "./app-env.ts";
import type { Audit } from "./audit.ts";
import { bearerOf } from "./auth/authenticate.ts";
import { may } from "./auth/caller.ts";
import { type AddressOf, tooMany } from "./auth/door.ts";
import type { FailureLimit } from "./auth/failures.ts";
import type { Pairing } from "./auth/pairing.ts";
import { TOKEN_KINDS, type TokenStore } from "./auth/tokens.ts";
import { readJsonBody } from "./json-body.ts";

export interface Administration {
  readonly tokens: TokenStore;
  readonly pairing: Pairing;
  readonly audit: Audit;
  /** Told when a token may have lost its worth: who is connected by it has to go. */
  readonly onRevoked?: () => void;
}

const BODY_MAX_BYTES = 16 * 1024;
/** Anybody may send one to /join, and would hold a connection with it. */
const BODY_MS = 15_000;
const AUDIT_ROWS_MAX = 1_000;
const DAY_MS = 86_400_000;
const DAYS_MAX = 3_650;

const NewToken = v.object({
  label: v.string(),
  scopes: v.array(v.picklist(SCOPES)),
  expires_days: v.optional(v.nullable(v.pipe(v.number(), v.minValue(0.001), v.maxValue(DAYS_MAX)))),
});
const Join = v.object({ code: v.string(), name: v.string() });

const Whole = v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number));

async function bodyOf<S extends v.GenericSchema>(request: Request, schema: S): Promise<v.InferOutput<S>> {
  const { value } = await readJsonBody(request, BODY_MAX_BYTES, BODY_MS);
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw invalid(`${v.getDotPath(issue) ?? "The body"}: ${issue.message}`);
}

export function adminRoutes({ tokens, pairing, audit, onRevoked }: Administration): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.use("/admin/*", async (c, next) => {
    if (may(c.var.caller, "admin")) return next();
    c.set("lacks", "admin");
    throw new ToolError("forbidden", "This needs a token with the scope admin");
  });
  app.get("/admin/tokens", (c) => {
    const kind = v.safeParse(v.picklist(TOKEN_KINDS), c.req.query("kind"));
    return c.json({ tokens: tokens.list(kind.success ? kind.output : undefined) });
  });
  app.post("/admin/tokens", async (c) => {
    const { label, scopes, expires_days } = await bodyOf(c.req.raw, NewToken);
    const livesMs = expires_days == null ? undefined : expires_days * DAY_MS;
    const { token, secret } = await tokens.create({ kind: "client", label, scopes, livesMs });
    audit.add(c.var.caller, "token create", token.id, "ok", 0);
    return c.json({ token, secret });
  });
  app.delete("/admin/tokens/:id", (c) => {
    const token = tokens.revoke(c.req.param("id"));
    audit.add(c.var.caller, "token revoke", token.id, "ok", 0);
    onRevoked?.();
    return c.json({ token });
  });
  app.post("/admin/pairing", async (c) => {
    const begun = await pairing.begin();
    audit.add(c.var.caller, "router pair", null, "ok", 0);
    return c.json(begun);
  });
  app.get("/admin/audit", (c) => {
    const limit = v.safeParse(Whole, c.req.query("limit"));
    const before = v.safeParse(Whole, c.req.query("before"));
    const rows = Math.min(limit.success ? limit.output : 100, AUDIT_ROWS_MAX);
    return c.json({ entries: audit.list(rows, before.success ? before.output : undefined) });
  });
  return app;
}

/** POST /join { code, name }: open to all, for the code is what lets in. A machine that was here before brings its credential. */
export function joinRoute(
  { pairing, audit, onRevoked }: Administration,
  failures: FailureLimit,
  addressOf: AddressOf,
): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.post("/join", async (c) => {
    const { code, name } = await bodyOf(c.req.raw, Join);
    let joined: Awaited<ReturnType<Pairing["join"]>>;
    try {
      joined = await pairing.join(code, name, bearerOf(c.req.header("authorization")));
    } catch (error) {
      const waitSeconds =
        toToolError(error).code === "unauthorized" ? failures.failed(addressOf(c)) : undefined;
      if (waitSeconds !== undefined) return tooMany(c, waitSeconds);
      throw error;
    }
    audit.add({ id: "pairing", label: name, scopes: [] }, "join", name, "ok", 0);
    onRevoked?.(); // the oldest credential of the machine, perhaps
    return c.json(joined);
  });
  return app;
}
