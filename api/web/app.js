// The start page: choose, start, and follow the run named in the address, through the public API.

import { Follower } from "./follower.js";
import { $, calm, complain } from "./page.js";
import { TOKEN, get, post } from "./server.js";

const form = $("start");
const known = { tasks: [], presets: [] };
let follower = null;
let attempt = { body: "", key: "" };

function choose(select, items, value, text) {
  const before = select.value;
  select.replaceChildren(...items.map((item) => new Option(text(item), value(item))));
  if (items.some((item) => value(item) === before)) select.value = before;
}

function about(changed) {
  const preset = known.presets.find((one) => one.name === form.preset.value);
  const task = known.tasks.find((one) => one.id === form.task.value);
  if (!preset || !task) return;
  if (changed) form.budget.value = preset.budget_usd;
  const missing = task.data === "missing"
    ? `Its data are missing: run budgetml prepare ${task.id} on the server. ` : "";
  $("about").textContent = `${task.summary} ${missing}Preset: ${preset.description}`;
}

async function catalogue() {
  const [tasks, presets] = await Promise.all([get("/tasks"), get("/presets")]);
  const empty = !known.presets.length;
  Object.assign(known, { tasks: tasks.items, presets: presets.items });
  choose(form.task, known.tasks, (task) => task.id, (task) => task.title);
  choose(form.preset, known.presets, (one) => one.name, (one) => one.name);
  if (empty) {
    const free = known.presets.some((one) => one.name === "demo");
    if (free) form.preset.value = "demo";
    form.task.value = (known.tasks.find((one) => one.data !== "missing") ?? known.tasks[0])?.id;
  }
  about(empty);
}

function route() {
  const id = location.hash.slice(1);
  if (follower?.id === id && !follower.stopped) return;
  follower?.stop();
  follower = null;
  calm();
  $("run").hidden = true;
  if (!/^[\w-]{1,64}$/.test(id)) return;
  follower = new Follower(id, known.tasks);
  follower.follow();
}

async function begin() {
  follower?.stop();
  follower = null;
  calm();
  await catalogue().catch(complain);
  if (location.hash && $("problem").hidden) route();
}

form.addEventListener("change", (event) => about(event.target === form.preset));
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  const body = JSON.stringify({
    task_id: form.task.value, preset: form.preset.value, budget_usd: form.budget.value,
  });
  if (attempt.body !== body) { // the same key again when an answer was lost: one run, not two
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    attempt = { body, key: Array.from(bytes, (byte) => byte.toString(16)).join("-") };
  }
  button.disabled = true;
  try {
    const run = await post("/runs", body, { "Idempotency-Key": attempt.key });
    attempt = { body: "", key: "" };
    location.hash = run.id;
  } catch (error) {
    complain(error);
  }
  button.disabled = false;
});
$("cancel").addEventListener("click", async () => {
  try {
    await post(`/runs/${follower.id}/cancel`);
    $("cancel").hidden = true;
  } catch (error) {
    complain(error);
  }
});
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const token = $("token").value.trim();
  if (token) sessionStorage.setItem(TOKEN, token);
  else sessionStorage.removeItem(TOKEN);
  $("token").value = "";
  begin();
});
document.addEventListener("visibilitychange", () => follower?.leave?.());
addEventListener("hashchange", route);
begin();
