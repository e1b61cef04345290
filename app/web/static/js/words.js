// The words of the scripts in the page's language: written in English here, translated by what the page brings.
const words = JSON.parse(document.querySelector('meta[name="words"]')?.content ?? "{}");

/** The message in the reader's language, with its %(name)s filled in. */
export function _(message, values = {}) {
  return (words[message] ?? message).replace(/%\((\w+)\)s/g, (_, name) => values[name]);
}
