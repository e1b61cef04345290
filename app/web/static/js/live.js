// Server-sent events about slots. The stream is a hint; after a gap the page is asked for again.
const MANY_FAILURES = 3;
const POLL_MS = 15_000;
const RECONNECT_MS = 2_000;
const ECHO_MS = 1_000; // a stream begins with the latest changes, most of them older than the page

export function followSlots(url, { onSlot, onReturn }) {
  let failures = 0;
  let polling = null;
  let openedAt = performance.now();

  function connect() {
    const stream = new EventSource(url);
    stream.addEventListener("open", () => {
      if (failures > 0) onReturn();
      openedAt = performance.now();
      failures = 0;
      clearInterval(polling);
      polling = null;
    });
    stream.addEventListener("error", () => {
      failures += 1;
      if (failures >= MANY_FAILURES) polling ??= setInterval(onReturn, POLL_MS);
      if (stream.readyState === EventSource.CLOSED) setTimeout(connect, RECONNECT_MS * (1 + Math.random()));
    });
    stream.addEventListener("slot", (event) => onSlot(JSON.parse(event.data), performance.now() - openedAt < ECHO_MS));
    stream.addEventListener("refresh", onReturn);
    window.addEventListener("pagehide", () => stream.close(), { once: true });
  }

  connect();
  window.addEventListener("pageshow", (event) => event.persisted && connect());
}
