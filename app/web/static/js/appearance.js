// The light or dark switch. theme.js applied an earlier choice before the first paint.
const KEY = "oneslot-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export function offerAppearance() {
  const button = document.querySelector("[data-theme-switch]");
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.hidden = false;
  show();
  system.addEventListener("change", show);
  button.addEventListener("click", () => {
    choose(isDark() ? "light" : "dark");
    show();
  });
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : system.matches;
}

function choose(theme) {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Storage is forbidden: the choice lasts for this page.
  }
}
