// The hold's bar: counts towards the server's deadline, offers more time, gives the time back on leaving.
import { announce } from "./announce.js";
import { Countdown } from "./countdown.js";
import { fetchPage, postForm } from "./page.js";
import { _ } from "./words.js";

const MOST_TRIES = 4;
const RETRY_MS = 700;
const RETURN_CHECK_MS = 1500; // an earlier page's release may still be under way

/** Counting from when the page was asked for, or from a moment given. Returns the hold. */
export function startHold(bar, asked) {
  const hold = new Hold(bar);
  hold.start(asked);
  return hold;
}

class Hold {
  constructor(bar) {
    this.bar = bar;
    this.countdown = new Countdown(bar, (moment) => this.#reached(moment));
    this.wasTouched = true;
    this.isKept = false;
    this.dialog = document.querySelector("[data-more-time]");
  }

  start(asked) {
    // The reply was under way for a while; counting from the request never promises too much.
    const [navigation] = performance.getEntriesByType("navigation");
    this.countdown.begin(Number(this.bar.dataset.secondsLeft), asked ?? navigation?.requestStart ?? 0);
    this.#listen();
    announce(_("%(subject)s held for you until %(until)s.", this.bar.dataset));
  }

  /** Nothing is held any more: this bar says nothing, asks nothing and gives nothing back. */
  stop() {
    this.countdown.stop();
    this.isStopped = this.isKept = true;
    this.#closeDialog();
  }

  #listen() {
    this.bar.querySelector("[data-extend-button]").addEventListener("click", (event) => this.#extend(event));
    this.dialog.querySelector("[data-more]").addEventListener("click", (event) => this.#extend(event));
    this.dialog.querySelector("[data-enough]").addEventListener("click", () => this.#closeDialog());
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.#closeDialog());
    document.addEventListener("input", () => (this.wasTouched = true));
    document.addEventListener("click", (event) => (this.isKept ||= Boolean(event.target.closest("a[data-keeps-hold]"))));
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#ask());
    window.addEventListener("pagehide", () => this.#leave());
    window.addEventListener("pageshow", (event) => event.persisted && setTimeout(() => this.#ask(), RETURN_CHECK_MS));
  }

  #reached(moment) {
    if (moment === "soon") announce(_("One minute left to finish. You can ask for more time."));
    if (moment === "offer") this.#openDialog();
    if (moment === "last") announce(_("20 seconds left."));
    if (moment === "over") this.#lapsed();
  }

  async #extend(event) {
    event.preventDefault();
    this.#closeDialog();
    const asked = performance.now();
    const answer = await postForm(this.bar.dataset.extend, this.#fields()).catch(() => null);
    if (this.adopt(answer, asked)) announce(_("Held for you until %(until)s.", this.bar.dataset));
    else if (answer?.status === 409) this.#say(answer.page.querySelector("h1")?.textContent ?? _("This hold cannot be extended again."));
  }

  /** Ask the server how much is left: the machine may have slept. */
  async #ask() {
    if (this.countdown.isOver || this.isStopped) return;
    const asked = performance.now();
    const answer = await fetchPage(this.bar.dataset.ask || location.href).catch(() => null);
    if (!this.adopt(answer, asked) && answer?.status === 410) this.countdown.end();
  }

  /** What is typed stays. The same time is taken again if nobody has it, else others are offered. */
  async #lapsed(triesLeft = MOST_TRIES) {
    this.#closeDialog();
    if (document.visibilityState !== "visible" || !this.wasTouched) {
      this.#say(_("The hold ended at %(until)s. Go on, and we try to hold the time again.", this.bar.dataset));
      return;
    }
    const before = this.bar.dataset.token;
    const answer = await postForm(this.bar.dataset.again, this.#fields()).catch(() => null);
    if (!this.adopt(answer, performance.now())) {
      // 410: the old hold stood when we asked and ended before it was shown. No answer, 5xx: it may pass.
      const mayPass = !answer || answer.status === 410 || answer.status >= 500;
      if (mayPass && triesLeft > 1) setTimeout(() => this.#lapsed(triesLeft - 1), RETRY_MS);
      else this.#offerOthers(answer);
    } else if (before !== this.bar.dataset.token) {
      this.wasTouched = false; // a page nobody uses must not keep a time for ever
      announce(_("The hold had ended; the time was still free and is held until %(until)s.", this.bar.dataset));
    } // else we were early, since we count from the request: the old hold still stands and is counted on
  }

  /** Take over the bar of the server's answer; false when there is none. */
  adopt(answer, asked) {
    const fresh = answer?.status === 200 ? answer.page.querySelector("[data-hold]") : null;
    if (!fresh) return false;
    const before = this.bar.dataset.token;
    Object.assign(this.bar.dataset, fresh.dataset);
    this.bar.querySelector("[data-hold-words]").replaceChildren(...fresh.querySelector("[data-hold-words]").childNodes);
    if (before !== this.bar.dataset.token) this.#renameHold(before, this.bar.dataset.token);
    this.countdown.begin(Number(fresh.dataset.secondsLeft), asked);
    this.bar.dispatchEvent(new CustomEvent("hold:changed", { bubbles: true, detail: answer.page }));
    return true;
  }

  /** A new hold has a new token: every address of this page follows it. */
  #renameHold(before, after) {
    for (const name of ["action", "formaction", "href"]) {
      for (const element of document.querySelectorAll(`main [${name}*="${before}"]`)) {
        element.setAttribute(name, element.getAttribute(name).replace(before, after));
      }
    }
    history.replaceState(null, "", location.href.replace(before, after));
  }

  #offerOthers(answer) {
    this.bar.dispatchEvent(new CustomEvent("hold:ended", { bubbles: true }));
    const conflict = answer?.page?.querySelector('[data-part="conflict"]');
    if (!conflict) {
      this.#say(_("The hold ended at %(until)s. Go on, and we try to hold the time again.", this.bar.dataset));
      return;
    }
    this.#say(conflict.querySelector("h1")?.textContent ?? _("This was taken by someone else."));
    this.bar.after(document.adoptNode(conflict));
    conflict.querySelector("form")?.addEventListener("submit", (event) => carryTyped(event.target));
    conflict.tabIndex = -1;
    conflict.focus();
  }

  #say(words) {
    this.bar.querySelector("[data-hold-words]").textContent = words;
    announce(words);
  }

  #fields() {
    return { form_token: this.bar.dataset.formToken, next: this.bar.dataset.here };
  }

  #openDialog() {
    this.dialog.hidden = false;
    announce(_("Need more time? The button More time is in the bar at the top."));
  }

  #closeDialog() {
    this.dialog.hidden = true;
  }

  /** Left for another showing of the same hold, the server knows and keeps it. */
  #leave() {
    if (this.isKept || this.countdown.isOver) return;
    const { formToken, view, leave } = this.bar.dataset;
    navigator.sendBeacon(leave, new URLSearchParams({ form_token: formToken, view }));
  }
}

/** An alternative is held for the same person: the typed fields go with it. */
function carryTyped(form) {
  const typed = document.querySelector("form[data-typed]");
  if (!typed) return;
  for (const [name, value] of new FormData(typed)) {
    if (form.elements.namedItem(name)) continue;
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
}
