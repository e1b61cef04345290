// A form is sent once; a second press does nothing until the answer is here.
// The server repeats the first answer anyway: the form carries its request key.
export function sendOnce() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || !form.matches("[data-once]")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    // After the browser has collected the fields: a disabled button would not send its value.
    setTimeout(() => mark(form, true));
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) document.querySelectorAll("form[data-sent]").forEach(reopen);
  });
}

export function reopen(form) {
  delete form.dataset.sent;
  mark(form, false);
}

function mark(form, isBusy) {
  form.setAttribute("aria-busy", String(isBusy));
  for (const button of form.querySelectorAll("button:not([type=button])")) button.disabled = isBusy;
}
