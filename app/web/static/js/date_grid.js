// The calendar by keyboard, after the ARIA APG date grid: one tab stop, arrows move within.
const DAY_MS = 86_400_000;

export function makeGrid(table, turnTo) {
  if (!table || table.getAttribute("role") === "grid") return;
  table.setAttribute("role", "grid");
  for (const day of days(table)) {
    day.tabIndex = -1;
    day.parentElement.setAttribute("aria-selected", String(day.hasAttribute("aria-current")));
  }
  (table.querySelector("[aria-current]") ?? table.querySelector("a[data-day]") ?? days(table)[0]).tabIndex = 0;
  table.addEventListener("keydown", (event) => pressed(event, table, turnTo));
}

async function pressed(event, table, turnTo) {
  const cell = event.target.closest("[data-day]");
  if (!cell) return;
  if (event.key === " ") {
    event.preventDefault();
    cell.click();
    return;
  }
  const day = target(event, cell.dataset.day, getComputedStyle(table).direction === "rtl");
  if (!day) return;
  event.preventDefault();
  const grid = find(table, day) ? table : await turnTo(day);
  focusDay(grid, find(grid, day) ?? nearest(grid, day));
}

function target(event, day, isRightToLeft) {
  const date = new Date(`${day}T00:00:00Z`);
  const sideways = isRightToLeft ? -1 : 1;
  const weekday = (date.getUTCDay() + 6) % 7; // Monday is 0
  switch (event.key) {
    case "ArrowLeft":
      return plusDays(date, -sideways);
    case "ArrowRight":
      return plusDays(date, sideways);
    case "ArrowUp":
      return plusDays(date, -7);
    case "ArrowDown":
      return plusDays(date, 7);
    case "Home":
      return plusDays(date, -weekday);
    case "End":
      return plusDays(date, 6 - weekday);
    case "PageUp":
      return plusMonths(date, event.shiftKey ? -12 : -1);
    case "PageDown":
      return plusMonths(date, event.shiftKey ? 12 : 1);
    default:
      return null;
  }
}

function plusDays(date, count) {
  return new Date(date.getTime() + count * DAY_MS).toISOString().slice(0, 10);
}

/** The same day of another month, or that month's last day when it is shorter. */
function plusMonths(date, count) {
  const first = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + count, 1));
  const length = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  return plusDays(first, Math.min(date.getUTCDate(), length) - 1);
}

function days(table) {
  return [...table.querySelectorAll("[data-day]")];
}

function find(table, day) {
  return table.querySelector(`[data-day="${day}"]`);
}

/** Beyond the bookable months: the closest day there is. */
function nearest(table, day) {
  const all = days(table);
  return day < all[0].dataset.day ? all[0] : all[all.length - 1];
}

function focusDay(table, cell) {
  for (const day of days(table)) day.tabIndex = day === cell ? 0 : -1;
  cell.focus();
}
