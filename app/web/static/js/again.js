// Coming back to a hold that was given up on leaving: take it again without asking.
export function holdAgainAfterReturning(form) {
  const [navigation] = performance.getEntriesByType("navigation");
  if (navigation?.type === "back_forward" || navigation?.type === "reload") form.requestSubmit();
}
