// What is said of a path that is none, or that is asked in the wrong way.
import type { Hono, NotFoundHandler } from "hono";
import type { AppEnv } from "./app-env.ts";

export function unknownRoute(app: Hono<AppEnv>): NotFoundHandler<AppEnv> {
  return (c) => {
    const path = c.req.path.slice(0, 200);
    const allowed = methodsOf(app, c.req.path);
    if (allowed.length === 0)
      return c.json({ success: false, code: "not_found", error: `No such route: ${path}` }, 404);
    const error = `${path} takes ${allowed.join(" or ")}, not ${c.req.method}`;
    return c.json({ success: false, code: "invalid_input", error }, 405, { allow: allowed.join(", ") });
  };
}

/** What a path can be asked with; empty when there is no such path. */
function methodsOf(app: Hono<AppEnv>, path: string): string[] {
  const parts = path.split("/");
  const matches = (pattern: string) => {
    const wanted = pattern.split("/");
    return (
      wanted.length === parts.length &&
      wanted.every((part, index) => part.startsWith(":") || part === parts[index])
    );
  };
  const methods = app.routes
    .filter((route) => route.method !== "ALL" && matches(route.path))
    .map((route) => route.method);
  return [...new Set(methods)];
}
