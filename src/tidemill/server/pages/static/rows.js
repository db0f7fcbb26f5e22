// Rows by their place, fetched a page at a time; those of an opened group or run stand below its row.
const PAGE = 100;
const MOST_PAGES = 60;
const MOST_AT_ONCE = 2;
const PAUSE_MS = 40;
const PAUSE_AFTER_FAULT_MS = 2000;

export class Rows {
  constructor(options, within = "", depth = 0) {
    this.options = options;
    this.within = within;
    this.depth = depth;
    this.total = 0;
    this.pages = new Map();
    this.opened = [];
    this.wanted = new Set();
    this.asked = new Set();
    this.age = 0;
    this.timer = 0;
  }

  size() {
    return this.total + this.opened.reduce((sum, each) => sum + each.rows.size(), 0);
  }

  // The row at a place among these and the opened ones, or nothing while it is on its way.
  row(place) {
    const [rows, index] = this.find(place);
    return rows.own(index);
  }

  find(place) {
    let shift = 0;
    for (const each of this.opened) {
      if (place <= each.at + shift) break;
      const inner = place - each.at - shift - 1;
      const size = each.rows.size();
      if (inner < size) return each.rows.find(inner);
      shift += size;
    }
    return [this, place - shift];
  }

  own(index) {
    const number = Math.floor(index / PAGE);
    const found = this.pages.get(number);
    if (!found) {
      this.want(number);
      return null;
    }
    this.pages.delete(number);
    this.pages.set(number, found);
    return found[index - number * PAGE] ?? null;
  }

  // Opens what stands below a row, or shuts it; says whether it is open now.
  turn(place, within, many) {
    const [rows, index] = this.find(place);
    const at = rows.opened.findIndex((each) => each.at === index);
    if (at >= 0) {
      rows.opened.splice(at, 1);
      return false;
    }
    const inner = new Rows(this.options, within, rows.depth + 1);
    inner.total = many;
    rows.opened.push({ at: index, rows: inner });
    rows.opened.sort((one, other) => one.at - other.at);
    return true;
  }

  address(more) {
    const [path, query] = this.options.address.split("?");
    const asked = new URLSearchParams(query);
    asked.delete("start");
    if (this.within) asked.set("within", this.within);
    for (const key of this.options.columns) asked.append("column", key);
    for (const [key, value] of Object.entries(more)) asked.set(key, value);
    return `${path}?${asked}`;
  }

  async ask(more) {
    const answer = await fetch(this.address(more), { headers: { accept: "application/json" } });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error?.message ?? String(answer.status));
    const holder = document.createElement("tbody");
    holder.innerHTML = told.html;
    this.options.improve(holder);
    for (const nest of holder.querySelectorAll(".nest")) nest.setAttribute("aria-expanded", "false");
    if (this.depth > 1) for (const row of holder.rows) row.classList.add("deep");
    return { total: told.total, rows: [...holder.rows] };
  }

  // Waits a moment, and for an answer when two are on their way: pages that only fly past are never asked for.
  want(number) {
    if (this.asked.has(number)) return;
    this.wanted.delete(number);
    this.wanted.add(number);
    this.timer ||= setTimeout(() => {
      this.timer = 0;
      const newest = [...this.wanted].slice(this.asked.size - MOST_AT_ONCE);
      this.wanted.clear();
      if (this.asked.size < MOST_AT_ONCE) for (const each of newest) this.load(each);
    }, PAUSE_MS);
  }

  async load(number) {
    this.asked.add(number);
    const age = this.age;
    try {
      const { rows } = await this.ask({ start: number * PAGE });
      if (age === this.age) this.pages.set(number, rows);
      for (const old of [...this.pages.keys()].slice(0, Math.max(0, this.pages.size - MOST_PAGES))) this.pages.delete(old);
      this.options.failed("");
    } catch (error) {
      this.options.failed(error.message);
      await new Promise((done) => setTimeout(done, PAUSE_AFTER_FAULT_MS));
    }
    this.asked.delete(number);
    this.options.arrived();
  }

  fill(start, rows, total) {
    this.total = total;
    const first = Math.floor(start / PAGE);
    if (start === first * PAGE) this.pages.set(first, rows);
  }

  // Begins anew with as many rows as there are now.
  forget(total) {
    this.total = total;
    this.age += 1;
    this.pages.clear();
    this.opened = [];
  }
}
