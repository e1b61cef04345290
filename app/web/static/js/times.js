// The list of times: a time that goes is marked before it leaves, and never leaves from under the focus.
import { announce } from "./announce.js";
import { _ } from "./words.js";

const LEAVE_AFTER_MS = 5000;
const FADE_MS = 400;

/** Somebody took the time of this list item. A hold may come back, a booking leaves the list. */
export function takeTime(item, change) {
  const button = item.querySelector(".time");
  const isHeld = change.state === "HELD";
  item.dataset.version = change.version;
  if (button.matches(".time--mine")) return; // the refresh will tell
  const clock = button.querySelector("b").textContent;
  const wasFree = button.getAttribute("aria-disabled") !== "true";
  disable(button, clock, isHeld ? _("on hold") : _("just taken"));
  if (document.activeElement === button && wasFree) announce([_("%(time)s was just taken by someone else", { time: clock }), nearestFree(item)].join(". "));
  if (!isHeld) leaveLater(item);
}

/** Take over the server's list: keep the items that stay, so that focus and open parts survive. */
export function mergeTimes(day, fresh) {
  if (!day || !fresh || day.dataset.date !== fresh.dataset.date) return;
  const list = day.querySelector("[data-times]");
  const freshList = fresh.querySelector("[data-times]");
  if (!list || !freshList) return;
  if (!list.querySelector(".times") || !freshList.querySelector(".times")) {
    if (!list.contains(document.activeElement)) list.replaceChildren(...freshList.childNodes);
  } else {
    mergeItems(list, freshList);
  }
  for (const name of ["mine", "missing"]) replaceContent(day, fresh, name);
}

/** When the device keeps another time than the clinic: what its clock will show. */
export function showOwnZone(day) {
  const line = day?.querySelector("[data-own-zone]");
  const first = day?.querySelector("[data-starts]");
  if (!line || !first) return;
  const start = new Date(first.dataset.starts);
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const clinic = line.dataset.ownZone;
  const [there, shown] = [wallTime(start, clinic), wallTime(start, here)];
  if (there.day === shown.day && there.clock === shown.clock) return;
  const weekday = there.day === shown.day ? "" : `${shown.day} `;
  const told = _("Your device is set to %(zone)s: %(time)s is %(own)s there.", { zone: here, time: there.clock, own: weekday + shown.clock });
  line.textContent = ` ${told}`;
  line.hidden = false;
}

function wallTime(moment, timeZone) {
  const read = (options) => new Intl.DateTimeFormat(document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang, { ...options, timeZone }).format(moment);
  return { day: read({ weekday: "long" }), clock: read({ hour: "2-digit", minute: "2-digit" }) };
}

function mergeItems(list, freshList) {
  const wanted = new Map([...freshList.querySelectorAll("[data-slot]")].map((item) => [item.dataset.slot, item]));
  for (const item of list.querySelectorAll("[data-slot]")) {
    const fresh = wanted.get(item.dataset.slot);
    if (fresh) wanted.delete(item.dataset.slot);
    if (!fresh) takeTime(item, { state: "BOOKED", version: item.dataset.version });
    else if (fresh.dataset.state !== shownState(item)) exchange(item, fresh);
  }
  for (const [slot, item] of wanted) insert(list, freshList, slot, item);
}

function shownState(item) {
  const button = item.querySelector(".time");
  if (button.matches(".time--mine")) return "mine";
  return button.getAttribute("aria-disabled") === "true" ? "held" : "free";
}

/** Replace an item; one that has the focus gives it to its successor. */
function exchange(item, fresh) {
  const hadFocus = item.contains(document.activeElement);
  if (hadFocus && fresh.dataset.state === "held") {
    takeTime(item, { state: "HELD", version: fresh.dataset.version });
    return;
  }
  item.replaceWith(fresh);
  fresh.querySelector(".time").classList.add("is-new");
  if (!hadFocus) return;
  fresh.querySelector(".time").focus({ preventScroll: true });
  if (fresh.dataset.state === "free") announce(_("%(time)s is free again.", { time: clockOf(fresh) }));
}

function insert(list, freshList, slot, item) {
  const part = item.closest("[data-day-part]");
  const target = list.querySelector(`[data-day-part="${part.dataset.dayPart}"]`);
  if (!target) {
    const parts = [...freshList.querySelectorAll("[data-day-part]")];
    const next = parts.slice(parts.indexOf(part) + 1).find((later) => list.querySelector(`[data-day-part="${later.dataset.dayPart}"]`));
    const before = next && list.querySelector(`[data-day-part="${next.dataset.dayPart}"]`);
    list.insertBefore(part.cloneNode(true), before ?? null);
    return;
  }
  const later = [...target.querySelectorAll("[data-slot]")].find((other) => clockOf(other) > clockOf(item));
  target.querySelector(".times").insertBefore(item, later ?? null);
  item.querySelector(".time").classList.add("is-new");
}

function clockOf(item) {
  return item.querySelector("b").textContent;
}

function disable(button, clock, words) {
  button.setAttribute("aria-disabled", "true");
  button.setAttribute("aria-label", `${clock}, ${words}`);
  button.type = "button";
  button.querySelector("small")?.remove();
  button.append(Object.assign(document.createElement("small"), { textContent: words }));
}

function leaveLater(item) {
  if (item.dataset.leaving) return;
  item.dataset.leaving = "yes";
  setTimeout(() => leave(item), LEAVE_AFTER_MS);
}

function leave(item) {
  if (item.contains(document.activeElement)) {
    item.addEventListener("focusout", () => setTimeout(() => leave(item), FADE_MS), { once: true });
    return;
  }
  item.querySelector(".time").classList.add("is-leaving");
  setTimeout(() => {
    const part = item.closest("[data-day-part]");
    item.remove();
    if (part && !part.querySelector("[data-slot]")) part.remove();
  }, FADE_MS);
}

function nearestFree(item) {
  const all = [...item.closest("[data-times]").querySelectorAll("[data-slot]")];
  const here = all.indexOf(item);
  const free = all
    .filter((other) => shownState(other) === "free")
    .sort((a, b) => Math.abs(all.indexOf(a) - here) - Math.abs(all.indexOf(b) - here))
    .slice(0, 3);
  return free.length ? _("Nearest free: %(times)s.", { times: free.map(clockOf).sort().join(", ") }) : _("No other time is free on this day.");
}

function replaceContent(day, fresh, name) {
  const old = day.querySelector(`[data-content="${name}"]`);
  const now = fresh.querySelector(`[data-content="${name}"]`);
  if (old && now && !old.contains(document.activeElement)) old.replaceChildren(...now.childNodes);
}
