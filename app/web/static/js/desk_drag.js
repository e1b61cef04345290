// Moving with the mouse: a drop is one request; when it is refused the card is back where it was, with the reason.
import { announce } from "./announce.js";
import { _ } from "./words.js";

const REFUSED_MS = 2500;

export function makeDraggable(desk) {
  let dragged = null;
  const root = desk.root;
  root.addEventListener("pointerdown", (event) => event.target.closest("[data-move]") && desk.setBusy(true));
  root.addEventListener("pointerup", () => desk.setBusy(false));
  root.addEventListener("dragstart", (event) => {
    const card = event.target.closest?.("[data-move]");
    if (!card) return;
    dragged = { url: card.dataset.move, slot: card.closest("[data-slot]").dataset.slot };
    desk.setBusy(true);
    card.classList.add("is-dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", card.getAttribute("aria-label"));
  });
  root.addEventListener("dragover", (event) => {
    const target = dragged && event.target.closest?.('[data-card="free"]');
    if (!target) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
    mark(root, target);
  });
  root.addEventListener("dragleave", (event) => {
    if (dragged && !event.relatedTarget?.closest?.('[data-card="free"]')) mark(root, null);
  });
  root.addEventListener("drop", async (event) => {
    const target = dragged && event.target.closest?.('[data-card="free"]');
    if (!target) return;
    event.preventDefault();
    const { url, slot } = dragged;
    end();
    const isDone = await desk.send(url, desk.actFields({ slot_id: target.closest("[data-slot]").dataset.slot }));
    if (!isDone) springBack(slot);
  });
  root.addEventListener("dragend", () => {
    if (dragged) end();
  });

  function end() {
    dragged = null;
    desk.setBusy(false);
    mark(root, null);
    root.querySelector(".is-dragged")?.classList.remove("is-dragged");
  }

  function springBack(slot) {
    const card = root.querySelector(`[data-slot="${CSS.escape(slot)}"] [data-card]`);
    if (!card) return;
    card.classList.add("is-refused");
    card.focus({ preventScroll: true });
    announce(_("Not moved."));
    setTimeout(() => card.classList.remove("is-refused"), REFUSED_MS);
  }
}

function mark(root, target) {
  for (const each of root.querySelectorAll(".is-over")) if (each !== target) each.classList.remove("is-over");
  target?.classList.add("is-over");
}
