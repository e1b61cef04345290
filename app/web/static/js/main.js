// What every page gets; the larger pieces are fetched only by the pages that need them.
import { offerAppearance } from "./appearance.js";
import { sendOnce } from "./once.js";

offerAppearance();
sendOnce();

document.querySelector("[data-focus]")?.focus();

const print = document.querySelector("[data-print]");
if (print) {
  print.hidden = false;
  print.addEventListener("click", () => window.print());
}

// A page that comes back from the browser's memory shows times of long ago.
window.addEventListener("pageshow", (event) => {
  if (event.persisted && document.querySelector("[data-fresh]")) location.reload();
});

const picker = document.querySelector("[data-picker]");
if (picker) import("./picker.js").then(({ startPicker }) => startPicker(picker));

const seats = document.querySelector("[data-seats]");
if (seats) import("./seats.js").then(({ startSeats }) => startSeats(seats));

const hold = document.querySelector("[data-hold]");
if (hold) import("./hold.js").then(({ startHold }) => startHold(hold));

const again = document.querySelector("[data-again-form]");
if (again) import("./again.js").then(({ holdAgainAfterReturning }) => holdAgainAfterReturning(again));

const monitor = document.querySelector("[data-monitor]");
if (monitor) import("./monitor.js").then(({ startMonitor }) => startMonitor(monitor));

const desk = document.querySelector("[data-desk]");
if (desk) import("./desk.js").then(({ startDesk }) => startDesk(desk));

const week = document.querySelector("[data-week]");
if (week) import("./week.js").then(({ startWeek }) => startWeek(week));
