// Screen 2: days and months without a page load, the calendar by keyboard, live times.
import { makeGrid } from "./date_grid.js";
import { followSlots } from "./live.js";
import { reopen } from "./once.js";
import { fetchPage } from "./page.js";
import { mergeTimes, showOwnZone, takeTime } from "./times.js";

const REFRESH_PAUSE_MS = 1500;

export function startPicker(root) {
  const picker = new Picker(root);
  picker.enhance();
  followSlots(root.dataset.events, {
    onSlot: (change, isEcho) => picker.slotChanged(change, isEcho),
    onReturn: () => picker.refreshSoon(),
  });
}

class Picker {
  constructor(root) {
    this.root = root;
    this.pendingRefresh = null;
    root.addEventListener("click", (event) => this.#clicked(event));
    window.addEventListener("popstate", () => this.#show(location.href));
    window.addEventListener("pageshow", (event) => event.persisted && this.refresh());
  }

  enhance() {
    makeGrid(this.root.querySelector("[data-grid]"), (day) => this.#turnTo(day));
    showOwnZone(this.#part("day"));
  }

  /** The server's word on one slot: a hint, so the page is asked for soon after. */
  slotChanged(change, isEcho) {
    const item = this.root.querySelector(`[data-slot="${CSS.escape(String(change.id))}"]`);
    if (item ? Number(item.dataset.version) >= change.version : isEcho) return;
    if (item && change.state !== "OPEN") takeTime(item, change);
    this.refreshSoon();
  }

  /** Many changes at once, and many people looking: one request each, at different moments. */
  refreshSoon() {
    this.pendingRefresh ??= setTimeout(() => this.refresh(), REFRESH_PAUSE_MS * (0.5 + Math.random()));
  }

  /** Ask for the page again and take over what changed, without disturbing where the person is. */
  async refresh() {
    clearTimeout(this.pendingRefresh);
    this.pendingRefresh = null;
    const asked = location.href;
    const { page, status } = await fetchPage(asked).catch(() => ({}));
    if (status !== 200 || location.href !== asked) return;
    mergeTimes(this.#part("day"), page.querySelector('[data-part="day"]'));
    this.root.querySelectorAll("form[data-sent]").forEach(reopen);
    this.#renewKey(page);
    if (!this.#part("month").contains(document.activeElement)) this.#replace(page, "month");
    this.enhance();
  }

  #clicked(event) {
    const link = event.target.closest("a[href]");
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!link || !isPlain) return;
    if (link.matches("[data-to-calendar]")) {
      event.preventDefault();
      this.root.querySelector('[data-grid] [tabindex="0"]')?.focus();
    } else if (new URL(link.href).pathname === location.pathname) {
      event.preventDefault();
      this.#go(link);
    }
  }

  async #go(link) {
    const turn = link.dataset.turn;
    if (!(await this.#show(link.href))) return;
    history.pushState(null, "", link.href);
    const target = turn ? this.root.querySelector(`[data-turn="${turn}"]`) : this.root.querySelector("#day");
    (target ?? this.root.querySelector('[data-grid] [tabindex="0"]')).focus();
  }

  /** The keyboard left the month: show the month of that day, if there is one. */
  async #turnTo(day) {
    const url = new URL(location.href);
    url.search = new URLSearchParams({ month: day.slice(0, 7) });
    if (await this.#show(url.href)) history.replaceState(null, "", url.href);
    return this.root.querySelector("[data-grid]");
  }

  async #show(url) {
    const { page, status } = await fetchPage(url).catch(() => ({}));
    if (status !== 200) {
      location.assign(url); // let the browser say what is wrong
      return false;
    }
    for (const name of ["slip", "previous", "following", "month", "day"]) this.#replace(page, name);
    const title = page.querySelector("#month").textContent;
    const shown = this.root.querySelector("#month");
    if (shown.textContent !== title) shown.textContent = title;
    document.title = page.title;
    this.enhance();
    return true;
  }

  /** A later press is a new wish: it must not get the answer of an earlier one. */
  #renewKey(page) {
    const [old, fresh] = [this.root, page].map((tree) => tree.querySelector("[data-times] [name=request_key]"));
    if (old && fresh) old.value = fresh.value;
  }

  #part(name) {
    return this.root.querySelector(`[data-part="${name}"]`);
  }

  #replace(page, name) {
    const fresh = page.querySelector(`[data-part="${name}"]`);
    if (fresh) this.#part(name).replaceWith(document.adoptNode(fresh));
  }
}
