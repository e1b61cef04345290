// The front desk: links and forms without a page load, dragging, one-key changes, and other screens' changes.
// The server renders every state; this script fetches it and puts it in place of what is shown.
import { announce } from "./announce.js";
import { BoardMerge } from "./desk_merge.js";
import { followBoard, keepCounting } from "./desk_live.js";
import { steer } from "./desk_keys.js";
import { makeDraggable } from "./desk_drag.js";
import { fetchPage } from "./page.js";
import { findWhileTyping } from "./desk_search.js";
import { _ } from "./words.js";

const PARTS = ["bar", "facts", "board", "panel"];
const TOAST_MS = 8000;
// What one wants to do on a panel, the likeliest first.
const FIRST_IN_PANEL = ["[name=why]", "[data-q]", "[name=cancel_reason]", ".steps-to button", "a.button", ".close"];

export function startDesk(root) {
  const desk = new Desk(root);
  root.dataset.scripted = "";
  root.addEventListener("click", (event) => desk.clicked(event));
  root.addEventListener("submit", (event) => desk.submitted(event));
  window.addEventListener("popstate", () => desk.show(location.href));
  steer(desk);
  makeDraggable(desk);
  findWhileTyping(root);
  followBoard(desk);
  keepCounting(root);
}

class Desk {
  constructor(root) {
    this.root = root;
    this.merge = new BoardMerge(this.part("board"));
    this.isBusy = false;
    this.isLate = false;
    /** Grows with every page that is shown, so that a slow answer does not overwrite a later one. */
    this.turn = 0;
  }

  /** While the mouse is down nothing may be exchanged under it. */
  setBusy(isBusy) {
    this.isBusy = isBusy;
    if (!isBusy && this.isLate) this.refresh();
  }

  part(name) {
    return this.root.querySelector(`[data-part="${name}"]`);
  }

  get cards() {
    return [...this.part("board").querySelectorAll("[data-card]")];
  }

  clicked(event) {
    const link = event.target.closest("a[data-go]");
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!link || !isPlain) return;
    event.preventDefault();
    this.go(link.href, { focus: link.matches("[data-leave]") ? "card" : "panel" });
  }

  async go(url, { focus = "card" } = {}) {
    const here = this.#focusedSlot();
    if (!(await this.show(url))) return;
    history.pushState(null, "", url);
    this.#focusAfter(focus, here);
  }

  /** Put the page of this address in place of what is shown. */
  async show(url) {
    this.turn += 1;
    const { page, status } = await fetchPage(url).catch(() => ({}));
    if (status !== 200 || !page.querySelector("[data-desk]")) {
      location.assign(url); // let the browser say what is wrong
      return false;
    }
    this.take(page);
    return true;
  }

  /** Other screens changed something: look again, without disturbing what somebody is typing. */
  async refresh() {
    this.isLate = this.isBusy;
    if (this.isBusy) return;
    const [asked, turn] = [location.href, this.turn];
    const { page, status } = await fetchPage(asked).catch(() => ({}));
    this.isLate = this.isBusy;
    if (status !== 200 || location.href !== asked || this.isBusy) return;
    if (turn !== this.turn) return this.refresh(); // what was asked for is older than what is shown
    const panel = this.part("panel");
    const isBusy = panel.querySelector("form input:not([type=hidden]), form select") !== null;
    this.take(page, isBusy ? ["facts", "board"] : ["facts", "board", "panel"], { isNews: true });
  }

  take(page, names = PARTS, { isNews = false } = {}) {
    this.turn += 1;
    const known = new Map(this.#slots().map((slot) => [slot.dataset.slot, slot.dataset.version]));
    const slot = this.part("board").contains(document.activeElement) ? this.#focusedSlot() : null;
    const scroll = this.#scroller()?.scrollTop ?? 0;
    const sideways = this.#scroller()?.scrollLeft ?? 0;
    for (const name of names) {
      const fresh = page.querySelector(`[data-part="${name}"]`);
      if (!fresh || !this.part(name)) continue;
      if (name !== "board" || !this.merge.take(this.part(name), fresh)) this.part(name).replaceWith(document.adoptNode(fresh));
    }
    const desk = page.querySelector("[data-desk]");
    for (const name of ["now", "today", "yesterday", "tomorrow", "walkIn", "events"]) {
      if (desk?.dataset[name]) this.root.dataset[name] = desk.dataset[name];
    }
    document.title = page.title;
    if (this.#scroller()) this.#scroller().scrollTo(sideways, scroll);
    if (isNews) this.#showNews(known);
    this.root.dispatchEvent(new CustomEvent("desk:shown"));
    if (slot) this.focusSlot(slot);
  }

  async submitted(event) {
    const form = event.target;
    if (!form.matches("[data-send]") || event.submitter?.matches("[data-find]")) return;
    event.preventDefault();
    if (form.dataset.sent) return;
    form.dataset.sent = "yes";
    form.setAttribute("aria-busy", "true");
    const fields = new FormData(form, event.submitter);
    await this.send(event.submitter?.getAttribute("formaction") ?? form.action, fields);
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }

  /** Post; show the page that answers, or say why it was refused. True when it was done. */
  async send(url, fields) {
    this.turn += 1;
    const body = new URLSearchParams(fields);
    const headers = { Accept: "application/problem+json, text/html;q=0.9" };
    const answer = await fetch(url, { method: "POST", body, headers, credentials: "same-origin" }).catch(() => null);
    if (answer === null) {
      this.say(_("The server cannot be reached. Nothing was changed."));
      return false;
    }
    if (answer.headers.get("Content-Type")?.includes("json")) {
      const problem = await answer.json();
      this.say(wordsOf(problem), problem);
      await this.refresh();
      return false;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.querySelector("[data-desk]")) {
      location.assign(answer.url);
      return false;
    }
    this.take(page, answer.ok ? PARTS : ["panel"]);
    if (answer.ok) {
      history.replaceState(null, "", answer.url);
      this.#tellDone();
    } else {
      (this.root.querySelector("#errors") ?? this.part("panel")).focus?.();
    }
    return answer.ok;
  }

  /** The fields of a change that has no form of its own: dragging, one key. */
  actFields(more) {
    const fields = new FormData(this.root.querySelector("[data-act]"));
    fields.set("request_key", crypto.randomUUID());
    for (const [name, value] of Object.entries(more)) fields.set(name, value);
    return fields;
  }

  say(words) {
    const toast = this.root.querySelector("[data-toast]");
    toast.textContent = words;
    toast.hidden = false;
    clearTimeout(this.toasting);
    this.toasting = setTimeout(() => (toast.hidden = true), TOAST_MS);
  }

  quiet() {
    this.root.querySelector("[data-toast]").hidden = true;
  }

  focusSlot(slot) {
    const card = this.part("board").querySelector(`[data-slot="${CSS.escape(slot)}"] [data-card]`);
    if (card && document.activeElement !== card) card.focus({ preventScroll: true });
    return Boolean(card);
  }

  #tellDone() {
    this.quiet();
    const current = this.part("board").querySelector("[aria-current]");
    if (current) {
      current.focus();
      announce(`${current.getAttribute("aria-label")}. Saved.`);
    } else {
      announce(_("Saved."));
    }
  }

  #focusAfter(focus, here) {
    if (focus === "panel") {
      FIRST_IN_PANEL.map((each) => this.part("panel").querySelector(each)).find(Boolean)?.focus();
    } else if (!(here && this.focusSlot(here))) {
      this.cards[0]?.focus({ preventScroll: true });
    }
  }

  #focusedSlot() {
    return document.activeElement?.closest?.("[data-part=board] [data-slot]")?.dataset.slot ?? this.lastSlot;
  }

  #slots() {
    return [...this.part("board").querySelectorAll("[data-slot]")];
  }

  #scroller() {
    return this.part("board").querySelector(".board");
  }

  #showNews(known) {
    for (const slot of this.#slots()) {
      if (known.size && known.get(slot.dataset.slot) !== slot.dataset.version) {
        slot.querySelector(".card")?.classList.add("is-new");
      }
    }
  }
}

function wordsOf(problem) {
  const others = (problem.alternatives ?? []).map((slot) => slot.slot_time).slice(0, 3);
  const nearby = others.length ? " " + _("Free nearby: %(times)s.", { times: others.join(", ") }) : "";
  return `${problem.detail ?? problem.title}${nearby}`;
}
