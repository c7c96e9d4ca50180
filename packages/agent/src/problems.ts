/** What needs a person, such as a full disk or a clock that is off: set while it lasts, told once when it begins. */
export type Problem = { code: string; message: string };

export type Problems = {
  set(code: string, message: string): void;
  clear(code: string): void;
  list(): Problem[];
};

export function createProblems(onChange: (problem: Problem, begins: boolean) => void): Problems {
  const present = new Map<string, string>();
  return {
    set(code, message) {
      const begins = !present.has(code);
      if (present.get(code) === message) return;
      present.set(code, message.slice(0, 1_000));
      onChange({ code, message }, begins);
    },
    clear(code) {
      const message = present.get(code);
      if (message !== undefined && present.delete(code)) onChange({ code, message }, false);
    },
    list: () => [...present].slice(0, 50).map(([code, message]) => ({ code, message })),
  };
}
