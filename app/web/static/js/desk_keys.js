// The board by keyboard: one tab stop, arrows within, a letter for each change of the card that has the focus.
import { announce } from "./announce.js";
import { _ } from "./words.js";

const STEPS = { a: "ARRIVED", i: "IN_ROOM", d: "COMPLETED", x: "NO_SHOW", b: "CONFIRMED" };
const WORDS = "input, textarea, select, [contenteditable]";

export function steer(desk) {
  const rove = () => {
    const cards = desk.cards;
    const stop = cards.find((card) => card === document.activeElement) ?? cards.find((card) => slotOf(card) === desk.lastSlot)
      ?? cards.find((card) => card.hasAttribute("aria-current")) ?? cards[0];
    for (const card of cards) card.tabIndex = card === stop ? 0 : -1;
  };
  desk.root.addEventListener("desk:shown", rove);
  desk.root.addEventListener("focusin", (event) => {
    const card = event.target.closest("[data-card]");
    if (!card) return;
    desk.lastSlot = slotOf(card);
    for (const each of desk.cards) each.tabIndex = each === card ? 0 : -1;
  });
  document.addEventListener("keydown", (event) => pressed(event, desk));
  rove();
}

function slotOf(card) {
  return card.closest("[data-slot]").dataset.slot;
}

function pressed(event, desk) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape") return leave(event, desk);
  if (event.target.closest(WORDS)) return;
  const card = event.target.closest("[data-card]");
  // Letters act only while the focus is on the board (WCAG 2.1.4).
  if (!card && !event.target.closest("[data-part=board], [data-part=panel]") && event.target !== document.body) return;
  if (card && arrow(event, card, desk)) return;
  if (card && change(event, card, desk)) return;
  anywhere(event, desk);
}

function leave(event, desk) {
  desk.quiet();
  const way = desk.part("panel").querySelector("[data-leave]");
  if (!way) return;
  event.preventDefault();
  desk.go(way.href, { focus: "card" });
}

function change(event, card, desk) {
  const status = STEPS[event.key];
  if (status && card.dataset.statusUrl) {
    event.preventDefault();
    desk.send(card.dataset.statusUrl, desk.actFields({ status }));
    return true;
  }
  if (event.key === "m" && card.dataset.moving) {
    event.preventDefault();
    const name = card.querySelector(".card__name")?.textContent ?? "";
    announce(_("Moving %(name)s. Choose a free time with the arrows, Enter places it, Escape leaves it.", { name }));
    pickUp(card, desk);
    return true;
  }
  return false;
}

async function pickUp(card, desk) {
  const [column, row] = [columnOf(card), rowOf(card)];
  await desk.go(card.dataset.moving, { focus: "card" });
  const targets = desk.cards.filter((each) => each.matches(".card--target"));
  nearest(targets, column, row)?.focus();
}

function anywhere(event, desk) {
  const ways = { t: "today", "[": "yesterday", "]": "tomorrow", w: "walkIn" };
  if (event.key === "/") {
    event.preventDefault();
    const field = desk.part("panel").querySelector("[data-q]");
    if (field) field.focus();
    else desk.go(desk.root.dataset.walkIn, { focus: "panel" });
  } else if (ways[event.key]) {
    event.preventDefault();
    desk.go(desk.root.dataset[ways[event.key]], { focus: event.key === "w" ? "panel" : "card" });
  }
}

function arrow(event, card, desk) {
  const isMoving = desk.part("board").hasAttribute("data-moving");
  const all = isMoving ? desk.cards.filter((each) => each.matches(".card--target") || each === card) : desk.cards;
  const target = { ArrowUp: () => along(all, card, -1), ArrowDown: () => along(all, card, 1),
    ArrowLeft: () => across(all, card, -1), ArrowRight: () => across(all, card, 1) }[event.key]?.();
  if (target === undefined) return false;
  event.preventDefault();
  target?.focus();
  target?.scrollIntoView({ block: "nearest", inline: "nearest" });
  return true;
}

function along(cards, card, step) {
  const column = cards.filter((each) => columnOf(each) === columnOf(card));
  return column[column.indexOf(card) + step] ?? null;
}

function across(cards, card, step) {
  const isRightToLeft = getComputedStyle(card).direction === "rtl";
  const columns = [...new Set(cards.map(columnOf))];
  const wanted = columns[columns.indexOf(columnOf(card)) + (isRightToLeft ? -step : step)];
  return wanted === undefined ? null : nearest(cards.filter((each) => columnOf(each) === wanted), wanted, rowOf(card));
}

function nearest(cards, column, row) {
  const away = (card) => Math.abs(rowOf(card) - row) + (columnOf(card) === column ? 0 : 10_000);
  return cards.slice().sort((one, other) => away(one) - away(other))[0] ?? null;
}

function columnOf(card) {
  return card.closest("[data-doctor]").dataset.doctor;
}

function rowOf(card) {
  return card.closest("[data-slot]").getBoundingClientRect().top;
}
