// The hall by keyboard, after the ARIA APG grid: one tab stop, arrows move to the nearest seat that way.
const PAGE_ROWS = 5;

export function makeSeatGrid(table) {
  const rows = [...table.querySelectorAll("[data-row]")].map((row) => [...row.querySelectorAll(".seat")]);
  const places = new Map(rows.flatMap((row, y) => row.map((seat, index) => [seat, { y, index, x: columnOf(seat) }])));
  table.setAttribute("role", "grid");
  for (const seat of places.keys()) {
    seat.tabIndex = -1;
    if (!seat.disabled) continue;
    seat.disabled = false; // taken seats can be visited and heard of, not chosen
    seat.setAttribute("aria-disabled", "true");
  }
  let current = rows.flat().find((seat) => seat.checked) ?? firstFree(rows) ?? rows[0][0];
  current.tabIndex = 0;

  function focus(seat) {
    current.tabIndex = -1;
    current = seat;
    seat.tabIndex = 0;
    seat.focus();
  }

  table.addEventListener("focusin", (event) => {
    if (!places.has(event.target) || event.target === current) return;
    current.tabIndex = -1;
    current = event.target;
    current.tabIndex = 0;
  });
  table.addEventListener("keydown", (event) => {
    const place = places.get(event.target);
    const next = place && target(event, rows, places, place, getComputedStyle(table).direction === "rtl");
    if (!next) return;
    event.preventDefault();
    focus(next);
  });
  return {
    goToRow(label) {
      const row = rows.find((seats) => seats[0].closest("[data-row]").dataset.row === label);
      if (row) focus(firstFree([row]) ?? row[0]);
    },
  };
}

function target(event, rows, places, { y, x, index }, isRightToLeft) {
  const row = rows[y];
  const nearest = (others) => others && others.reduce((best, seat) => (away(seat) < away(best) ? seat : best));
  const away = (seat) => Math.abs(places.get(seat).x - x);
  const sideways = isRightToLeft ? -1 : 1;
  switch (event.key) {
    case "ArrowLeft":
      return row[index - sideways];
    case "ArrowRight":
      return row[index + sideways];
    case "ArrowUp":
      return nearest(rows[y - 1]);
    case "ArrowDown":
      return nearest(rows[y + 1]);
    case "Home":
      return event.ctrlKey ? rows[0][0] : row[0];
    case "End":
      return event.ctrlKey ? rows.at(-1).at(-1) : row.at(-1);
    case "PageUp":
      return nearest(rows[Math.max(0, y - PAGE_ROWS)]);
    case "PageDown":
      return nearest(rows[Math.min(rows.length - 1, y + PAGE_ROWS)]);
    default:
      return null;
  }
}

/** Columns from the left, gaps counted, so that straight up and down is straight in the hall. */
function columnOf(seat) {
  let column = 0;
  for (let cell = seat.parentElement.previousElementSibling; cell; cell = cell.previousElementSibling) {
    column += cell.colSpan;
  }
  return column;
}

function firstFree(rows) {
  return rows.flat().find((seat) => !seat.dataset.state);
}
