// The seat map: a press holds a seat at once, others' presses show within a second, focus stays where it is.
import { announce } from "./announce.js";
import { startHold } from "./hold.js";
import { followSlots } from "./live.js";
import { makeSeatGrid } from "./seat_grid.js";
import { offerZoom } from "./seat_zoom.js";
import { _ } from "./words.js";

const WORDS = {
  free: _("available"),
  mine: _("yours"),
  held: _("on hold for someone else"),
  taken: _("taken"),
  closed: _("not for sale"),
};
const STATES = { OPEN: "free", HELD: "held", BOOKED: "taken", BLOCKED: "closed" };
const NARROW = matchMedia("(max-width: 63.99rem)");
const MOST_TRIES = 3;
const RETRY_MS = 600;

export function startSeats(root) {
  const hall = new Hall(root);
  const grid = makeSeatGrid(root.querySelector("[data-hall]"));
  const jump = root.querySelector("[data-jump]");
  jump.hidden = false;
  jump.querySelector("select").addEventListener("change", (event) => grid.goToRow(event.target.value));
  root.querySelector("[data-hint]").hidden = false;
  offerZoom(root);
  root.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches(".seat")) return;
    event.preventDefault(); // Enter takes the seat instead of sending the form
    event.target.click();
  });
  if (root.dataset.moving) compareOnly(root, hall, Number(root.dataset.moving));
  else new Basket(root, hall).start();
  followSlots(root.dataset.events, {
    onSlot: (change) => hall.changed(change),
    onReturn: () => hall.refresh(root.dataset.states),
  });
}

/** What each seat is now, and what this browser holds. */
class Hall {
  constructor(root) {
    this.root = root;
    this.heading = root.querySelector("#map-title");
    this.seats = new Map([...root.querySelectorAll("[data-hall] .seat")].map((seat) => [seat.value, seat]));
    this.versions = new Map([...this.seats.values()].map((seat) => [seat.value, Number(seat.dataset.v ?? 0)]));
    this.mine = new Set([...this.seats.values()].filter((seat) => seat.dataset.state === "mine").map((seat) => seat.value));
    this.heard = new Set(); // since a refresh was asked for
    root.addEventListener("click", (event) => {
      const seat = event.target.closest(".seat[aria-disabled], .seat[aria-busy]");
      if (seat) event.preventDefault();
    });
  }

  /** The server's word on one seat, as it happens. */
  changed({ id, state, version }) {
    const seat = this.seats.get(String(id));
    if (!seat || version <= this.versions.get(seat.value)) return;
    this.versions.set(seat.value, version);
    this.heard.add(seat.value);
    if (this.mine.has(seat.value) || seat.hasAttribute("aria-busy")) return; // the basket knows better
    const before = seat.dataset.state;
    this.show(seat, STATES[state] ?? "taken");
    if (document.activeElement === seat && before !== seat.dataset.state) announce(seat.getAttribute("aria-label"));
    this.count();
  }

  /** After a gap: ask for every seat that is not free, and take over all that was not heard of meanwhile. */
  async refresh(url) {
    this.heard.clear();
    const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
    if (!answer?.ok) return;
    const { data } = await answer.json();
    const known = new Map(data.seats.map((seat) => [seat.id, seat]));
    for (const seat of this.seats.values()) {
      if (this.heard.has(seat.value) || this.mine.has(seat.value) || seat.hasAttribute("aria-busy")) continue;
      const fresh = known.get(seat.value);
      if (fresh) this.versions.set(seat.value, fresh.version);
      this.show(seat, fresh ? STATES[fresh.state] : "free");
    }
    this.count();
  }

  show(seat, state) {
    if (state === "free") delete seat.dataset.state;
    else seat.dataset.state = state;
    const canBeChosen = state === "free" || state === "mine";
    if (canBeChosen) seat.removeAttribute("aria-disabled");
    else seat.setAttribute("aria-disabled", "true");
    seat.checked = state === "mine";
    seat.setAttribute("aria-label", `${seat.getAttribute("aria-label").split("; ")[0]}; ${WORDS[state]}`);
  }

  /** The seats this browser holds, by the server's word. */
  setMine(ids) {
    const before = this.mine;
    this.mine = new Set(ids);
    for (const id of before) if (!this.mine.has(id)) this.show(this.seats.get(id), "free");
    for (const id of this.mine) this.show(this.seats.get(id), "mine");
    this.count();
  }

  count() {
    const free = [...this.seats.values()].filter((seat) => !seat.dataset.state).length;
    const words = _("%(free)s of %(total)s seats free", { free, total: this.seats.size });
    const before = this.heading.textContent;
    this.heading.textContent = before.includes(":") ? `${before.slice(0, before.lastIndexOf(":"))}: ${words}` : words;
  }
}

/** Changing seats of a booking: nothing is held, so many must be ticked. */
function compareOnly(root, hall, wanted) {
  const note = root.querySelector("[data-note]");
  const ticked = () => [...hall.seats.values()].filter((seat) => seat.checked).length;
  root.querySelector("[data-seat-form]").addEventListener("submit", (event) => {
    const missing = wanted - ticked();
    if (missing === 0) return;
    event.preventDefault();
    note.textContent = missing > 0 ? _("Tick %(missing)s more.", { missing }) : _("Untick %(spare)s: you have %(wanted)s.", { spare: -missing, wanted });
  });
}

/** The basket beside the map. Presses are sent one after the other, in their order. */
class Basket {
  constructor(root, hall) {
    this.root = root;
    this.hall = hall;
    this.url = root.dataset.basketUrl;
    this.note = root.querySelector("[data-note]");
    this.work = Promise.resolve();
    this.hold = null;
  }

  start() {
    this.root.classList.add("is-live");
    this.root.querySelector("[data-seat-submit]").hidden = true;
    this.#fold(!NARROW.matches);
    for (const field of this.root.querySelectorAll("[name=mine]")) field.remove();
    const bar = this.root.querySelector("[data-hold]");
    if (bar) this.hold = startHold(bar);
    this.#offerDrops();
    // Ticked by an address that names seats, such as that of a page about lost ones: take those now.
    const wished = [...this.hall.seats.values()].filter((seat) => seat.checked && !seat.dataset.state);
    for (const seat of wished) this.#press(seat);
    this.root.addEventListener("change", (event) => event.target.matches(".seat") && this.#press(event.target));
    this.root.addEventListener("click", (event) => {
      const drop = event.target.closest("[data-drop]");
      if (drop) this.#dropped(drop.dataset.drop);
    });
    this.root.addEventListener("hold:changed", (event) => this.#showSeats(event.detail));
    this.root.addEventListener("hold:ended", () => this.#ended());
    this.root.querySelector("[data-seat-form]").addEventListener("submit", (event) => event.preventDefault());
  }

  #press(seat) {
    const wish = seat.checked ? "take" : "drop";
    seat.setAttribute("aria-busy", "true");
    this.work = this.work.then(() => this.#send(seat, wish)).finally(() => seat.removeAttribute("aria-busy"));
  }

  #dropped(id) {
    const seat = this.hall.seats.get(id);
    seat.checked = false;
    this.#press(seat);
    seat.focus(); // the button is about to go
  }

  async #send(seat, wish) {
    const asked = performance.now();
    const body = new URLSearchParams({ [wish]: seat.value, form_token: this.root.dataset.formToken, request_key: crypto.randomUUID() });
    const answer = await post(this.url, body);
    this.note.textContent = "";
    if (answer?.ok && answer.headers.get("Content-Type").startsWith("text/html")) {
      this.#adopt(parse(await answer.text()), asked);
      const name = seat.getAttribute("aria-label").split(",").slice(0, 2).join(",");
      announce(wish === "take" ? _("%(name)s is yours for now.", { name }) : _("%(name)s was given back.", { name }));
    } else {
      await this.#refused(seat, wish, answer);
    }
  }

  async #refused(seat, wish, answer) {
    const problem = answer && (await answer.json().catch(() => null));
    const lost = problem?.seats ?? [];
    for (const { id, reason } of lost) {
      const gone = this.hall.seats.get(id);
      if (gone && !this.hall.mine.has(id)) this.hall.show(gone, { SLOT_TAKEN: "taken", SLOT_HELD: "held" }[reason] ?? "closed");
    }
    if (!lost.some(({ id }) => id === seat.value)) this.hall.show(seat, this.hall.mine.has(seat.value) ? "mine" : "free");
    if (problem?.error?.code === "HOLD_EXPIRED") this.#ended();
    this.note.textContent = problem?.detail ?? _("We could not reach the server. Nothing was changed; please press again.");
  }

  /** Take over the server's basket: its seats, its countdown, its warning. */
  #adopt(page, asked) {
    const bar = page.querySelector("[data-hold]");
    if (bar && this.hold) {
      this.hold.adopt({ status: 200, page }, asked);
      return;
    }
    this.hold?.stop();
    this.hold = null;
    const fresh = document.adoptNode(page.querySelector('[data-part="basket"]'));
    this.root.querySelector('[data-part="basket"]').replaceWith(fresh);
    this.#fold(!NARROW.matches);
    if (bar) this.hold = startHold(bar, asked);
    this.#sync(fresh);
  }

  #showSeats(page) {
    const [old, fresh] = [this.root, page].map((tree) => tree.querySelector('[data-part="basket"]'));
    if (!fresh?.dataset.mine) return;
    const wasOpen = old.querySelector(".basket__list")?.open ?? !NARROW.matches;
    old.dataset.mine = fresh.dataset.mine;
    old.querySelector("[data-basket-seats]").replaceWith(document.adoptNode(fresh.querySelector("[data-basket-seats]")));
    this.#fold(wasOpen);
    this.#sync(old);
  }

  /** Where there is little room the list of seats is folded; whoever opens it keeps it open. */
  #fold(isOpen) {
    const list = this.root.querySelector(".basket__list");
    if (list) list.open = isOpen;
  }

  #sync(basket) {
    this.hall.setMine(basket.dataset.mine ? basket.dataset.mine.split(",") : []);
    this.#offerDrops();
  }

  /** The hold is over and could not be taken again: the map says who has the seats now. */
  #ended() {
    this.hall.setMine([]);
    this.hall.refresh(this.root.dataset.states);
  }

  #offerDrops() {
    for (const button of this.root.querySelectorAll("[data-drop]")) button.hidden = false;
  }
}

/** Tries again when the answer is lost: the key in the body makes that one request. */
async function post(url, body, triesLeft = MOST_TRIES) {
  const headers = { Accept: "application/problem+json, text/html;q=0.9" };
  const answer = await fetch(url, { method: "POST", body, headers, credentials: "same-origin" }).catch(() => null);
  if ((answer && answer.status < 500) || triesLeft === 1) return answer;
  await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  return post(url, body, triesLeft - 1);
}

function parse(html) {
  return new DOMParser().parseFromString(html, "text/html");
}
