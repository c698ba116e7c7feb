/**
 * Tells a slow trainer from a stuck one. Each call gets what there is to see of it.
 * @returns a function that says for how many milliseconds it has been the same
 */
export function standstill(now: () => number = () => performance.now()): (sign: string) => number {
  let last: string | undefined;
  let since = 0;
  return (sign) => {
    if (sign !== last) {
      last = sign;
      since = now();
    }
    return now() - since;
  };
}
