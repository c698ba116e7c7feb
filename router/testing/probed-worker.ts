// For tests: the Worker, with an object that tells which of its lives this is.
import { RouterObject as Real } from "../router-object.ts";
import worker from "../worker.ts";

const LIFE_PATH = "/life";

export class RouterObject extends Real {
  /** In memory only: gone with the object's sleep. */
  #life: string | undefined;

  override fetch(request: Request): Response | Promise<Response> {
    if (new URL(request.url).pathname !== LIFE_PATH) return super.fetch(request);
    this.#life ??= crypto.randomUUID(); // not in the constructor: an object may be made where there is no randomness
    return new Response(this.#life);
  }
}

export default worker;
