// Server-sent events about slots. The stream is a hint; after a gap the page is asked for again.
const MANY_FAILURES = 3;
const POLL_MS = 15_000;
const RECONNECT_MS = 2_000;

export function followSlots(url, { onSlot, onReturn }) {
  let failures = 0;
  let polling = null;

  function connect() {
    const stream = new EventSource(url);
    stream.addEventListener("open", () => {
      if (failures > 0) onReturn();
      failures = 0;
      clearInterval(polling);
      polling = null;
    });
    stream.addEventListener("error", () => {
      failures += 1;
      if (failures >= MANY_FAILURES) polling ??= setInterval(onReturn, POLL_MS);
      if (stream.readyState === EventSource.CLOSED) setTimeout(connect, RECONNECT_MS * (1 + Math.random()));
    });
    const hear = (event) => {
      const change = JSON.parse(event.data);
      if (change.type === "slot") onSlot(change);
      if (change.type === "reset") onReturn();
    };
    for (const name of ["message", "slot", "reset"]) stream.addEventListener(name, hear);
    window.addEventListener("pagehide", () => stream.close(), { once: true });
  }

  connect();
  window.addEventListener("pageshow", (event) => event.persisted && connect());
}
