// Asks the service, with the token of this tab.

export const TOKEN = "budgetml.token"; // in sessionStorage: gone with the tab

export class Refused extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export async function ask(path, options = {}) {
  const token = sessionStorage.getItem(TOKEN);
  const headers = { Accept: "application/json", ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  const answer = await fetch(path, { ...options, headers, cache: "no-store" });
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, body.detail || `The server answered ${answer.status}.`);
}

export const get = async (path) => (await ask(path)).json();
export const post = async (path, body, headers = {}) => (await ask(path, {
  method: "POST", body, headers: { "Content-Type": "application/json", ...headers },
})).json();
