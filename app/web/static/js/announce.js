// Says something to a screen reader without moving the focus.
const PAUSE_MS = 60; // an emptied region must be seen empty, or the same words are not said twice

export function announce(words) {
  const region = document.getElementById("announcer");
  region.textContent = "";
  setTimeout(() => {
    region.textContent = words;
  }, PAUSE_MS);
}
