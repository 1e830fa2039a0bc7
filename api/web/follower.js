// Follows the events of a run: a stream where one can be had, pages where not, nothing twice.

import { calm, complain } from "./page.js";
import { TOKEN, get, post } from "./server.js";
import { View } from "./view.js";

const TYPES = [
  "run.created", "run.started", "run.resumed", "run.prepared", "run.graded", "run.finished",
  "step.started", "step.finished", "step.rolled_back", "call.started", "call.finished",
  "call.failed", "escalation", "lifeline", "cost", "metric", "log", "artifact", "interrupt",
];
const OPENING_MS = 3000; // a seventh tab gets no connection: HTTP/1.1 allows six to one server
const POLL_MS = 1000;
const HIDDEN_MS = 5000;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// Follows one run: a stream while the tab is seen, pages while it is hidden or no stream opens.
export class Follower {
  constructor(id, tasks) {
    Object.assign(this, { id, tasks, last: 0, stopped: false, finished: false, blocked: false });
    this.view = new View(id);
  }

  async follow() {
    let wait = POLL_MS / 2;
    while (!this.stopped && !this.finished) {
      try {
        if (!this.last) this.show(await get(`/runs/${this.id}`));
        const opened = this.last;
        await (document.hidden || this.blocked ? this.poll() : this.stream());
        calm();
        wait = this.last > opened ? POLL_MS / 2 : Math.min(wait * 2, HIDDEN_MS);
      } catch (error) {
        if (this.stopped) return;
        complain(error);
        if ([401, 403, 404, 422].includes(error.status)) return;
        wait = Math.min(wait * 2, HIDDEN_MS);
      }
      if (!this.finished) await pause(document.hidden ? HIDDEN_MS : wait);
    }
    if (!this.stopped) this.end().catch(complain);
  }

  async poll() {
    let page;
    do {
      page = await get(`/runs/${this.id}/events?limit=500&after=${this.last}`);
      for (const event of page.items) this.take(event);
    } while (page.items.length && this.last < page.last_seq && !this.stopped);
    this.finished ||= page.finished && this.last >= page.last_seq;
  }

  async stream() {
    const ticket = sessionStorage.getItem(TOKEN)
      && (await post("/tickets", JSON.stringify({ run_id: this.id }))).ticket;
    const query = new URLSearchParams({ after: this.last, ...(ticket && { ticket }) });
    const source = new EventSource(`/runs/${this.id}/events?${query}`);
    await new Promise((done) => {
      this.leave = done;
      const slow = setTimeout(() => { this.blocked = true; done(); }, OPENING_MS);
      source.onopen = () => { clearTimeout(slow); calm(); };
      source.onerror = () => { clearTimeout(slow); done(); }; // a ticket opens one stream only
      for (const type of TYPES) {
        source.addEventListener(type, (message) => {
          const event = JSON.parse(message.data);
          if (event.seq > this.last + 1) done(); // a type this page does not know: read the log
          else this.take(event);
          if (this.finished) done();
        });
      }
    });
    source.close();
    this.leave = null;
    if (!this.finished && !this.stopped) await this.poll();
  }

  take(event) {
    if (event.seq <= this.last || this.stopped) return;
    this.last = event.seq;
    this.finished = event.type === "run.finished";
    this.view.take(event);
  }

  show(run) {
    if (!this.stopped) this.view.show(run);
  }

  async end() {
    this.show(await get(`/runs/${this.id}`));
    const task = this.tasks.find((one) => one.id === this.view.run.task_id);
    const found = await get(`/runs/${this.id}/files`).catch(() => ({ items: [] }));
    if (!this.stopped) this.view.files(found.items, task?.submission ?? []);
  }

  stop() {
    this.stopped = true;
    this.leave?.();
  }
}
