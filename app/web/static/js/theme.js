// Runs before the first paint, so that a chosen appearance never flashes.
{
  let chosen = null;
  try {
    chosen = localStorage.getItem("oneslot-theme");
  } catch {
    // Storage is forbidden: follow the system.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
