// Takes over a new board card by card: what did not change stays, with its focus and under the mouse.

export class BoardMerge {
  constructor(board) {
    this.known = htmlBySlot(board);
  }

  /** True when the new board could be merged into the old one; else it has to replace it. */
  take(old, fresh) {
    const before = this.known;
    this.known = htmlBySlot(fresh);
    if (shapeOf(old) !== shapeOf(fresh) || old.dataset.moving || fresh.dataset.moving) return false;
    for (const column of fresh.querySelectorAll("[data-doctor]")) {
      this.#column(old.querySelector(`[data-doctor="${column.dataset.doctor}"]`), column, before);
    }
    replaceAll(old, fresh, ".board__head");
    return true;
  }

  #column(old, fresh, before) {
    old.dataset.lanes = fresh.dataset.lanes;
    const wanted = new Map([...fresh.querySelectorAll("[data-slot]")].map((slot) => [slot.dataset.slot, slot]));
    for (const slot of old.querySelectorAll("[data-slot]")) {
      const news = wanted.get(slot.dataset.slot);
      if (!news) slot.remove();
      else if (before.get(slot.dataset.slot) !== this.known.get(slot.dataset.slot)) slot.replaceWith(document.adoptNode(news));
      wanted.delete(slot.dataset.slot);
    }
    for (const news of wanted.values()) place(old, fresh, news);
    replaceAll(old, fresh, ".band");
  }
}

function htmlBySlot(board) {
  return new Map([...board.querySelectorAll("[data-slot]")].map((slot) => [slot.dataset.slot, slot.outerHTML]));
}

function shapeOf(board) {
  const doctors = [...board.querySelectorAll("[data-doctor]")].map((column) => column.dataset.doctor);
  return [board.dataset.opens, board.dataset.rows, ...doctors].join(" ");
}

/** In the order of the new column, so that the arrows go on from top to bottom. */
function place(old, fresh, news) {
  const order = [...fresh.querySelectorAll("[data-slot]")].map((slot) => slot.dataset.slot);
  const later = order.slice(order.indexOf(news.dataset.slot) + 1);
  const next = later.map((slot) => old.querySelector(`[data-slot="${slot}"]`)).find(Boolean);
  old.insertBefore(document.adoptNode(news.cloneNode(true)), next ?? old.querySelector("[data-now-line]"));
}

function replaceAll(old, fresh, selector) {
  const [before, after] = [old, fresh].map((tree) => [...tree.querySelectorAll(selector)]);
  if (before.length === after.length && before.every((each, number) => each.outerHTML === after[number].outerHTML)) return;
  if (selector === ".band") {
    before.forEach((each) => each.remove());
    after.forEach((each) => old.append(document.adoptNode(each)));
  } else {
    before.forEach((each, number) => each.replaceWith(document.adoptNode(after[number])));
  }
}
