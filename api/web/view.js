// Shows a run: its events added up.

import { $, complain, dollars, element } from "./page.js";
import { ask } from "./server.js";

// Texts of models become text nodes, never markup.
export class View {
  constructor(id) {
    Object.assign(this, { id, rows: new Map(), left: null, calls: 0, done: 0 });
    for (const part of ["steps", "escalations", "files"]) $(part).replaceChildren();
    for (const part of ["score", "baseline", "outcome", "used"]) $(part).textContent = "";
    $("link").textContent = id;
    $("run").hidden = false;
  }

  show(run) {
    this.run = run;
    $("title").textContent = `${run.task_id}, preset ${run.preset}`;
    this.status(run.status);
    this.left ??= run.lifelines;
    this.spent(run.spent_usd, run.cap_usd);
    if (run.finished) {
      this.left = run.lifelines - run.lifelines_used;
      this.calls = run.calls;
    }
    this.figures();
    const grade = run.result?.grade;
    if (grade) this.score(grade);
    if (run.finished) this.outcome(run, grade);
  }

  outcome(run, grade) {
    const end = (run.end_reason ?? run.status).replaceAll("_", " ");
    const ending = run.error || grade?.reason || `Ended by: ${end}.`;
    const verdict = grade ? (run.solved ? "Solved. " : "Not solved. ") : "";
    const top = `The same tokens at the top tier: ${dollars(run.top_tier_usd)}.`;
    $("outcome").textContent = `${verdict}${ending} ${top}`;
  }

  status(text) {
    const tone = { succeeded: "good", failed: "bad", interrupted: "bad" }[text] ?? "";
    $("status").textContent = text;
    $("status").className = `status ${tone}`;
    const ended = ["succeeded", "failed", "cancelled"].includes(text);
    $("cancel").hidden = ended || text === "cancelling";
  }

  spent(usd, cap) {
    $("spent").textContent = dollars(usd);
    const tape = this.run?.config?.tiers?.every((tier) => tier.model.startsWith("replay:"));
    $("cap").textContent = `of ${dollars(cap)}${tape ? ", simulated by a tape" : ""}`;
  }

  figures() {
    const all = this.run.lifelines;
    $("lifelines").textContent = this.left;
    $("used").textContent = `of ${all}`;
    $("count").textContent = this.done;
    $("calls").textContent = `${this.calls} calls of models`;
  }

  score({ score, baseline, improvement }) {
    const unit = this.run.result?.metric?.unit ?? "";
    const number = (value) => `${Number(value.toPrecision(5)).toLocaleString("en")} ${unit}`.trim();
    $("score").textContent = score == null ? "none" : number(score);
    if (baseline == null) return;
    const percent = (100 * Math.abs(improvement ?? 0)).toFixed(1);
    const gain = improvement == null ? "" : `, ${percent} % ${improvement < 0 ? "worse" : "better"}`;
    $("baseline").textContent = `starter ${number(baseline)}${gain}`;
  }

  row(step) {
    if (this.rows.has(step)) return this.rows.get(step);
    const line = element("tr", undefined, $("steps"));
    const cells = ["", "", "", "", ""].map((text) => element("td", text, line));
    cells[0].textContent = step;
    cells[3].className = cells[4].className = "num";
    const row = { line, cells, paid: 0, lifelines: 0 };
    this.rows.set(step, row);
    return row;
  }

  take(event) {
    const told = this[`on_${event.type.replace(".", "_")}`];
    told?.call(this, event.data, event.step, event.tier);
    this.figures();
  }

  on_run_started() { this.status("running"); }

  on_run_resumed() { this.status("running"); }

  on_interrupt() { this.status("interrupted"); }

  on_run_finished({ status }) { this.status(status); }

  on_run_prepared({ lifelines }) { this.left = lifelines; }

  on_cost({ spent_usd, cap_usd }) { this.spent(spent_usd, cap_usd); }

  on_metric(grade) { this.score(grade); }

  on_step_started(_, step, tier) { this.fill(step, tier, "thinking …"); }

  on_step_rolled_back(_, step, tier) { // its events come again; what was paid stays paid
    if (this.rows.has(step)) this.fill(step, tier ?? 0, "begins again …");
    for (const item of document.querySelectorAll(`#escalations [data-step="${step}"]`)) item.remove();
  }

  on_call_finished({ paid_usd }, step) {
    this.calls += 1;
    const row = this.row(step);
    row.paid += Number(paid_usd);
    row.cells[3].textContent = dollars(row.paid);
  }

  on_lifeline({ left }, step) {
    this.left = left;
    const row = this.row(step);
    row.cells[4].textContent = `−${row.lifelines += 1}`;
  }

  on_escalation({ reason, from, to, detail }, step) {
    const way = to === undefined ? "expert asked" : `tier ${from} → ${to}`;
    const item = element("li", `Step ${step}, ${reason}: ${way}`, $("escalations"));
    item.dataset.step = step;
    if (detail) element("div", detail, item).className = "quiet";
  }

  on_step_finished(data, step, tier) {
    const { cells, line } = this.fill(step, tier, data.action ?? `ended: ${data.ended}`);
    line.classList.toggle("failed", Boolean(data.failed));
    if (data.by === "expert") cells[1].textContent = "expert";
    line.classList.toggle("asked", data.by === "expert");
    line.classList.toggle("strong", tier > 0 || data.by === "expert");
    this.done = Math.max(this.done, data.action ? step : 0);
    const more = element("details");
    const [file] = Object.values(data.input ?? {});
    const brief = typeof file === "string" && file.length < 40 ? ` · ${file}` : "";
    element("summary", cells[2].textContent + brief, more);
    if (data.thought || data.detail) element("p", data.thought || data.detail, more);
    if (data.observation) element("pre", data.observation, more);
    cells[2].replaceChildren(more);
  }

  fill(step, tier, text) {
    const row = this.row(step);
    row.cells[1].textContent = tier;
    row.cells[2].textContent = text;
    return row;
  }

  files(items, wanted) {
    const first = (file) => !wanted.includes(file.path);
    const shown = items.toSorted((a, b) => first(a) - first(b)).slice(0, 50);
    for (const file of shown) {
      const button = element("button", file.path, element("li", undefined, $("files")));
      button.addEventListener("click", () => save(this.id, file.path).catch(complain));
      if (!first(file)) button.after(" the solution");
    }
  }
}

async function save(id, path) {
  const url = `/runs/${id}/files/${path.split("/").map(encodeURIComponent).join("/")}`;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await (await ask(url)).blob());
  link.download = path.split("/").at(-1);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
