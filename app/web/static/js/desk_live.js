// What others do shows here within a second; holds and waiting times count by the server's clock.
import { followSlots } from "./live.js";
import { _ } from "./words.js";

const TOGETHER_MS = 120; // a move changes two slots: one look for both
const MINUTE_MS = 60_000;

export function followBoard(desk) {
  let waiting = null;
  const lookSoon = () => {
    waiting ??= setTimeout(() => {
      waiting = null;
      desk.refresh();
    }, TOGETHER_MS);
  };
  followSlots(desk.root.dataset.events, {
    onSlot: (change, isEcho) => {
      const shown = desk.part("board").querySelector(`[data-slot="${CSS.escape(String(change.id))}"]`);
      if (shown ? Number(shown.dataset.version) < change.version : !isEcho) lookSoon();
    },
    onReturn: lookSoon,
  });
}

export function keepCounting(root) {
  let skew = 0;
  const read = () => {
    skew = new Date(root.dataset.now).getTime() - Date.now();
    count();
  };
  const count = () => {
    const now = Date.now() + skew;
    for (const each of root.querySelectorAll("[data-until]")) {
      const left = Math.max(0, Math.round((new Date(each.dataset.until).getTime() - now) / 1000));
      each.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    }
    for (const each of root.querySelectorAll("[data-since]")) {
      const minutes = Math.max(0, Math.floor((now - new Date(each.dataset.since).getTime()) / MINUTE_MS));
      each.textContent = _("%(minutes)s min", { minutes });
    }
    moveNowLine(root, now);
  };
  root.addEventListener("desk:shown", read);
  setInterval(count, 1000);
  read();
}

function moveNowLine(root, now) {
  const board = root.querySelector("[data-part=board]");
  const row = Math.floor((now - new Date(board.dataset.opens).getTime()) / (5 * MINUTE_MS)) + 1;
  for (const line of board.querySelectorAll("[data-now-line]")) {
    line.className = `board__now at-${Math.min(Math.max(row, 1), Number(board.dataset.rows))}`;
  }
}
