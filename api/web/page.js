// What every part of the page uses: elements, figures, and the line that tells of a problem.

import { Refused } from "./server.js";

export const $ = (id) => document.getElementById(id);
export const dollars = (value) => `$${Number(value).toFixed(Number(value) < 1 ? 5 : 2)}`;

export function element(name, text, parent) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

export function complain(error) {
  const lost = !(error instanceof Refused);
  $("problem").textContent = lost ? "The server does not answer; trying again." : error.message;
  $("problem").hidden = false;
  if (error.status === 401) $("access").open = true;
}

export const calm = () => { $("problem").hidden = true; };
