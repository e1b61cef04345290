// The week's numbers follow what others do.
import { followSlots } from "./live.js";
import { fetchPage } from "./page.js";

const PAUSE_MS = 600;

export function startWeek(root) {
  let waiting = null;
  const lookSoon = () => (waiting ??= setTimeout(look, PAUSE_MS));
  followSlots(root.dataset.events, { onSlot: (_change, isEcho) => isEcho || lookSoon(), onReturn: lookSoon });

  async function look() {
    waiting = null;
    const { page, status } = await fetchPage(location.href).catch(() => ({}));
    const [fresh, old] = [page?.querySelector("[data-part=week]"), root.querySelector("[data-part=week]")];
    if (status === 200 && fresh && !old.contains(document.activeElement)) old.replaceWith(document.adoptNode(fresh));
  }
}
