// The size of the hall: buttons, and a fit to the width there is.
const SMALLEST = 0.5;
const LARGEST = 2;
const STEP = 1.25;
const MOST_STEPS = 5;
const SMALLEST_TARGET_PX = 24; // WCAG 2.5.8

export function offerZoom(root) {
  const scroll = root.querySelector("[data-scroll]");
  const table = scroll.querySelector("table");
  const tools = root.querySelector("[data-zoom]");
  let factor = 1;

  function set(wanted) {
    factor = Math.min(LARGEST, Math.max(SMALLEST, wanted));
    table.style.setProperty("--zoom", factor);
  }

  /** As large as fits, but never so small that a finger cannot hit a seat. */
  function fit(smallest = SMALLEST) {
    const { paddingLeft, paddingRight } = getComputedStyle(scroll);
    const room = scroll.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
    set(1);
    // The letters of the rows keep their size, so one step falls short.
    for (let step = 0; step < MOST_STEPS && table.offsetWidth > room && factor > smallest; step += 1) {
      set(Math.max(smallest, (factor * (room - 1)) / table.offsetWidth));
    }
  }

  tools.hidden = false;
  tools.querySelector("[data-zoom-out]").addEventListener("click", () => set(factor / STEP));
  tools.querySelector("[data-zoom-in]").addEventListener("click", () => set(factor * STEP));
  tools.querySelector("[data-zoom-fit]").addEventListener("click", () => fit());
  const seat = table.querySelector(".seat").getBoundingClientRect().width;
  if (seat) fit(SMALLEST_TARGET_PX / seat);
  // The middle is what people look for; where writing runs from right to left, the way there is negative.
  const way = getComputedStyle(table).direction === "rtl" ? -1 : 1;
  scroll.scrollLeft = (way * (scroll.scrollWidth - scroll.clientWidth)) / 2;
}
