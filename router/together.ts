/** Who asks while the same is asked already gets that answer: anybody may put a monitor's questions, as often as they like. */
export function together<T>(ask: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const asked = new Map<string, Promise<T>>();
  return (key) => {
    const answer = asked.get(key) ?? ask(key).finally(() => asked.delete(key));
    asked.set(key, answer);
    return answer;
  };
}
