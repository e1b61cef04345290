// Keeps the monitor fresh: with each beat of the stream the page is asked for again, and its live parts are taken.
import { announce } from "./announce.js";
import { fetchPage } from "./page.js";
import { _ } from "./words.js";

const BEAT_MS = 1_000;
const SILENT_MS = 2_500; // then the page is asked for without waiting for a beat
const LATE_MS = 4_000;
const ANSWER_MS = 5_000;
// Where the mouse is down: what goes before it is up again is not clicked.
let pressed = null;

export function startMonitor(root) {
  const pulse = root.querySelector("[data-pulse]");
  const pause = root.querySelector("[data-pause]");
  let isPaused = false;
  let isAsking = false;
  let beatAt = performance.now();
  let freshAt = performance.now();

  async function refresh() {
    if (isPaused || isAsking || document.hidden) return;
    isAsking = true;
    try {
      const { page, status } = await fetchPage(location.href, { signal: AbortSignal.timeout(ANSWER_MS) });
      if (status === 200 && !isPaused) {
        takeLiveParts(root, page);
        freshAt = performance.now();
      }
    } catch {
      // Nobody answered: the ages on the page stand still, and the words beside the tabs say so.
    } finally {
      isAsking = false;
    }
  }

  function tell() {
    const seconds = Math.round((performance.now() - freshAt) / 1000);
    const isLate = !isPaused && !document.hidden && seconds * 1000 > LATE_MS;
    pulse.dataset.pulse = isPaused ? "paused" : isLate ? "late" : "live";
    pulse.querySelector("[data-pulse-words]").textContent = isPaused
      ? _("Paused %(seconds)s s ago", { seconds })
      : isLate
        ? _("No answer for %(seconds)s s", { seconds })
        : _("Live");
  }

  root.addEventListener("pointerdown", (event) => (pressed = event.target));
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => setTimeout(() => (pressed = null)));
  followBeats(root.dataset.stream, () => {
    beatAt = performance.now();
    refresh();
  });
  setInterval(() => {
    if (performance.now() - beatAt > SILENT_MS) refresh();
    tell();
  }, BEAT_MS);
  document.addEventListener("visibilitychange", refresh);
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.setAttribute("aria-pressed", String(isPaused));
    refresh();
    tell();
  });
  pulse.hidden = pause.hidden = false;
  tell();
}

function followBeats(url, onBeat) {
  let stream = null;
  const connect = () => {
    stream = new EventSource(url);
    stream.addEventListener("cluster", onBeat);
    stream.addEventListener("error", () => {
      // A stream that was refused does not come back by itself.
      if (stream.readyState === EventSource.CLOSED) setTimeout(connect, 5_000 * (1 + Math.random()));
    });
  };
  connect();
  window.addEventListener("pagehide", () => stream.close());
  window.addEventListener("pageshow", (event) => event.persisted && connect());
}

function takeLiveParts(root, page) {
  const leaderBefore = root.querySelector("[data-leader]").dataset.leader;
  for (const part of root.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (fresh && fresh.innerHTML !== part.innerHTML && !isInUse(part)) replace(part, fresh);
  }
  const { leader, epoch } = root.querySelector("[data-leader]").dataset;
  if (leader !== leaderBefore) announce(leader ? _("%(leader)s leads in epoch %(epoch)s", { leader, epoch }) : _("Nobody leads"));
}

// What somebody is pressing, or marking, must not be taken away.
function isInUse(part) {
  const selection = getSelection();
  return part.contains(pressed) || (!selection.isCollapsed && part.contains(selection.anchorNode));
}

function replace(part, fresh) {
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  const open = [...part.querySelectorAll("details[open][id]")].map((details) => details.id);
  part.replaceChildren(...document.importNode(fresh, true).childNodes);
  Object.assign(part.dataset, fresh.dataset);
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  if (focused && focused !== part.id) document.getElementById(focused)?.focus({ preventScroll: true });
}
