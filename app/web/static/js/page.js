// Pages are rendered by the server alone; a script fetches a page and takes the parts it needs.
export async function fetchPage(url, options = {}) {
  const answer = await fetch(url, { headers: { Accept: "text/html" }, credentials: "same-origin", ...options });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return { page, url: answer.url, status: answer.status };
}

export function postForm(url, fields) {
  return fetchPage(url, { method: "POST", body: new URLSearchParams(fields) });
}
