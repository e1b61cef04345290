// Runs before the first paint, so that a chosen appearance never flashes.
{
  const chosen = (() => {
    try {
      return localStorage.getItem("oneslot-theme");
    } catch {
      return null; // storage is forbidden: follow the system
    }
  })();
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
