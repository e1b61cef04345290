// The patient search answers while one types; without this script its button does.
const PAUSE_MS = 180;

export function findWhileTyping(root) {
  let waiting = null;
  let asked = 0;
  root.addEventListener("input", (event) => {
    if (!event.target.matches("[data-q]")) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => find(event.target), PAUSE_MS);
  });
  root.addEventListener("keydown", (event) => {
    if (!event.target.matches("[data-q]") || !["Enter", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    clearTimeout(waiting);
    const choose = () => event.target.closest("[data-person]").querySelector("[name=patient_id]:checked, [name=patient_id], [name=patient_name]")?.focus();
    find(event.target).then(choose);
  });

  async function find(field) {
    const person = field.closest("[data-person]");
    const turn = ++asked;
    const url = `${person.dataset.search}?${new URLSearchParams({ q: field.value })}`;
    const answer = await fetch(url, { headers: { Accept: "text/html" }, credentials: "same-origin" }).catch(() => null);
    if (turn !== asked || !answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    person.querySelector("[data-matches]").replaceChildren(...page.body.childNodes);
    const name = person.querySelector("[name=patient_name]");
    if (!person.querySelector("[name=patient_id]") && name && !name.dataset.typed) name.value = /@|^[+\d ]+$/.test(field.value) ? "" : field.value;
  }
}
