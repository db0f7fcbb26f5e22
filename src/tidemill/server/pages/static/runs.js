// The table of runs as long as it is: rows come a page at a time, and only those near the eye are in the document.
// Without this script the table shows its first page, and its links do the rest.
import { Rows } from "./rows.js";
import { follow } from "./following.js";
import { marks } from "./marks.js";

const BESIDE = 14;
const AHEAD = 70;

export function openTable(improve) {
  const box = document.querySelector("[data-rows]");
  if (!box) return;
  const body = box.querySelector("tbody");
  const first = [...body.rows];
  const columns = box.dataset.columns.split("\n").filter(Boolean);
  const height = first.length ? (first.at(-1).getBoundingClientRect().bottom - first[0].getBoundingClientRect().top) / first.length : 36;
  const root = new Rows({ address: box.dataset.rows, columns, improve, arrived: () => draw(true), failed: tell });
  const above = pad();
  const below = pad();
  const choice = marks(box.closest("form"));
  let drawn = [];
  let from = -1;
  let until = -1;
  let at = -1;
  let waits = false;

  function pad() {
    const row = document.createElement("tr");
    row.className = "pad";
    row.setAttribute("aria-hidden", "true");
    row.appendChild(document.createElement("td")).colSpan = Number(box.dataset.wide);
    return row;
  }

  function waiting() {
    const row = document.createElement("tr");
    row.className = "waiting";
    row.style.height = `${height}px`;
    row.appendChild(document.createElement("td")).colSpan = Number(box.dataset.wide);
    return row;
  }

  function draw(again = false) {
    waits = false;
    const size = root.size();
    const top = Math.max(0, Math.floor(box.scrollTop / height) - BESIDE);
    const end = Math.min(size, Math.ceil((box.scrollTop + box.clientHeight) / height) + BESIDE);
    if (!again && top === from && end === until) return;
    [from, until] = [top, end];
    const next = [];
    // Asked for first, so that what is looked at is newer and goes before it.
    for (const ahead of [top - AHEAD, end + AHEAD]) if (ahead >= 0 && ahead < size) root.row(ahead);
    for (let place = top; place < end; place += 1) {
      const row = root.row(place) ?? waiting();
      row.setAttribute("aria-rowindex", place + 2);
      row.dataset.place = place;
      choice.dress(row);
      next.push(row);
    }
    const held = document.activeElement?.closest?.("tr");
    const lost = held && body.contains(held) && !next.includes(held) ? held : null;
    const kept = new Set(next);
    for (const row of drawn) if (!kept.has(row)) row.remove();
    let before = above;
    for (const row of next) {
      if (before.nextSibling !== row) body.insertBefore(row, before.nextSibling);
      before = row;
    }
    if (lost) box.focus({ preventScroll: true });
    drawn = next;
    above.firstChild.style.height = `${top * height}px`;
    below.firstChild.style.height = `${Math.max(0, size - end) * height}px`;
  }

  function soon() {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => draw());
  }

  function measure() {
    const size = root.size();
    box.style.setProperty("--whole", `${Math.ceil(size * height + box.querySelector("thead").offsetHeight + 20)}px`);
    box.querySelector("table").setAttribute("aria-rowcount", size + 1);
    draw(true);
  }

  function show(place, focus = true) {
    at = Math.min(Math.max(place, 0), root.size() - 1);
    const head = box.querySelector("thead").offsetHeight;
    const top = at * height;
    if (top < box.scrollTop) box.scrollTop = top;
    if (top + height > box.scrollTop + box.clientHeight - head) box.scrollTop = top + height - box.clientHeight + head;
    draw();
    const row = drawn[at - from];
    const link = row?.querySelector("a");
    if (focus) (link ?? box).focus({ preventScroll: true });
  }

  function tell(text) {
    const said = document.querySelector(".runs-count");
    said.dataset.usual ??= said.firstElementChild.nextSibling.textContent;
    said.firstElementChild.nextSibling.textContent = text ? `${said.dataset.usual} · ${text}` : said.dataset.usual;
  }

  box.addEventListener("keydown", (event) => {
    if (event.target.matches("input, button") && event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const row = event.target.closest("tr[data-place]");
    if (row) at = Number(row.dataset.place);
    const screen = Math.max(1, Math.floor(box.clientHeight / height) - 2);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: screen, PageUp: -screen, Home: -Infinity, End: Infinity };
    const nest = row?.querySelector(".nest");
    if (nest && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
      if ((event.key === "ArrowRight") !== (nest.getAttribute("aria-expanded") === "true")) nest.click();
      event.preventDefault();
    }
    if (event.key === " " && row && !event.target.matches("input")) {
      row.querySelector(".pick")?.click();
      event.preventDefault();
    }
    if (!(event.key in steps) || event.altKey || event.metaKey) return;
    event.preventDefault();
    show(at < 0 ? Math.floor(box.scrollTop / height) : at + steps[event.key]);
  });

  body.addEventListener("click", (event) => {
    const nest = event.target.closest(".nest");
    if (!nest || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const row = nest.closest("tr");
    const isOpen = root.turn(Number(row.dataset.place), nest.dataset.within, Number(nest.dataset.many));
    nest.setAttribute("aria-expanded", isOpen);
    measure();
  });

  root.fill(Number(box.dataset.start), first, Number(box.dataset.count));
  body.replaceChildren(above, below);
  for (const nest of box.querySelectorAll(".nest")) nest.setAttribute("aria-expanded", "false");
  box.classList.add("is-whole");
  document.querySelector("nav.pager")?.remove();
  measure();
  if (Number(box.dataset.start)) box.scrollTop = Number(box.dataset.start) * height;
  box.addEventListener("scroll", soon, { passive: true });
  new ResizeObserver(() => draw()).observe(box);
  follow({ box, root, rows: () => drawn, changed: measure });
}
