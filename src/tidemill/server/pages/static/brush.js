// Ranges of the axes of parallel coordinates: what lies outside fades, and leaves the table below.
// A range is kept in the address by its values, so that it holds for other runs and other looks too.
const WHOLE = [0, 1000];
const STEP = 50;
const CLICK_PX = 4;
const EDGE_PX = 7;
const KEPT = "keep";

export function brushStrands(within) {
  for (const box of within.querySelectorAll("[data-brushed]")) {
    if (box.querySelector("[data-axes]") && !box.dataset.watched) brush(box);
    box.dataset.watched = "yes";
  }
}

function brush(box) {
  const figure = box.querySelector("[data-axes]");
  const plot = figure.querySelector(".plot");
  const strands = [...figure.querySelectorAll(".strand")].map((link) => ({ link, at: JSON.parse(link.dataset.at) }));
  const rows = [...box.querySelectorAll("tr[data-run]")];
  const line = box.querySelector("[data-kept]");
  const axes = JSON.parse(figure.dataset.axes).map((told, index) => new Axis(told, index, plot, changed));
  box.querySelector("[data-brush-help]").hidden = false;
  // The table has the same links in rows: by keys one comes to the axes first, and past the strands.
  for (const { link } of strands) link.tabIndex = -1;

  function changed() {
    const asked = axes.filter((axis) => axis.range);
    let count = 0;
    const ids = [];
    strands.forEach(({ link, at }, index) => {
      const isIn = asked.every((axis) => axis.holds(at[axis.index]));
      link.classList.toggle("out", !isIn);
      rows[index].hidden = !isIn;
      if (!isIn) return;
      count += 1;
      ids.push(rows[index].dataset.run);
    });
    line.hidden = !asked.length;
    plot.classList.toggle("is-brushed", asked.length > 0);
    const said = asked.map((axis) => `${axis.told.name} ${axis.words()}`).join(", ");
    const text = asked.length ? `${count} of ${strands.length} runs: ${said}` : "";
    const status = line.querySelector("[role=status]");
    if (status.textContent !== text) status.textContent = text;
    const only = line.querySelector("[data-only]");
    only.hidden = count < 2 || count === strands.length;
    only.href = `/runs/compare?${new URLSearchParams({ ids: ids.join(",") })}`;
    for (const axis of axes) axis.tell(count, strands.length);
  }

  function remember() {
    const kept = axes.filter((axis) => axis.range).map((axis) => JSON.stringify([axis.told.key, ...axis.ends()]));
    const address = new URL(location.href);
    address.searchParams.delete(KEPT);
    for (const each of kept) address.searchParams.append(KEPT, each);
    history.replaceState(history.state, "", address);
    const form = document.querySelector("form#options");
    for (const old of form?.querySelectorAll(`input[name=${KEPT}]`) ?? []) old.remove();
    for (const value of kept) form?.append(Object.assign(document.createElement("input"), { type: "hidden", name: KEPT, value }));
    for (const link of document.querySelectorAll('main a[href^="/runs/compare?"]:not([data-only])')) {
      const there = new URL(link.href);
      there.searchParams.delete(KEPT);
      for (const each of kept) there.searchParams.append(KEPT, each);
      link.href = there;
    }
  }

  box.addEventListener("brushed", remember);
  line.querySelector("[data-clear]").addEventListener("click", () => {
    for (const axis of axes) axis.range = null;
    changed();
    remember();
    axes[0].element.focus();
  });
  const light = (index, is) => {
    strands[index]?.link.classList.toggle("lit", is);
    rows[index]?.classList.toggle("lit", is);
  };
  for (const [index, row] of rows.entries()) {
    for (const name of ["pointerenter", "focusin"]) row.addEventListener(name, () => light(index, true));
    for (const name of ["pointerleave", "focusout"]) row.addEventListener(name, () => light(index, false));
  }

  for (const text of new URL(location.href).searchParams.getAll(KEPT)) {
    try {
      const [key, from, to] = JSON.parse(text);
      axes.find((axis) => axis.told.key === key)?.take(from, to);
    } catch {
      // Somebody wrote the address by hand: what cannot be read keeps nothing.
    }
  }
  changed();
}

// One axis: places are thousandths from the top, as the drawing has them.
class Axis {
  constructor(told, index, plot, changed) {
    this.told = told;
    this.index = index;
    this.range = null;
    this.changed = changed;
    const element = document.createElement("div");
    this.element = element;
    element.className = "brush";
    element.tabIndex = 0;
    element.style.left = plot.querySelectorAll(".axis-name")[index].style.left;
    const said = { role: "slider", "aria-label": `Range of ${told.name}`, "aria-orientation": "vertical" };
    const ends = { "aria-valuemin": 0, "aria-valuemax": 1000, "aria-describedby": "brush-help" };
    for (const [name, value] of Object.entries({ ...said, ...ends })) element.setAttribute(name, value);
    this.shown = Object.assign(document.createElement("div"), { className: "range", hidden: true });
    element.append(this.shown);
    // Nothing to keep where no run has a value that is drawn.
    element.hidden = !told.scale && !told.words.length;
    plot.append(element);
    element.addEventListener("pointerdown", (event) => this.drag(event, plot));
    element.addEventListener("keydown", (event) => this.press(event));
  }

  holds(place) {
    return !this.range || (place !== null && place >= this.range[0] - 0.01 && place <= this.range[1] + 0.01);
  }

  set(from, to) {
    const [top, bottom] = [Math.max(0, Math.min(from, to)), Math.min(1000, Math.max(from, to))];
    this.range = top <= 0 && bottom >= 1000 ? null : [top, bottom];
    this.changed();
  }

  done() {
    this.element.dispatchEvent(new CustomEvent("brushed", { bubbles: true }));
  }

  drag(event, plot) {
    if (event.button) return;
    event.preventDefault();
    this.element.focus({ preventScroll: true });
    const frame = plot.getBoundingClientRect();
    const place = (each) => Math.min(1000, Math.max(0, ((each.clientY - frame.top) / frame.height) * 1000));
    const began = place(event);
    const near = (EDGE_PX / frame.height) * 1000;
    const before = this.range;
    const y = event.clientY;
    let moved = false;
    this.element.setPointerCapture(event.pointerId);

    const move = (each) => {
      if (!moved && Math.abs(each.clientY - y) < CLICK_PX) return;
      moved = true;
      const now = place(each);
      if (before && Math.abs(began - before[0]) <= near) this.set(now, before[1]);
      else if (before && Math.abs(began - before[1]) <= near) this.set(before[0], now);
      else if (before && began > before[0] && began < before[1]) this.shift(before, now - began);
      else this.set(began, now);
    };
    const end = (each) => {
      this.element.removeEventListener("pointermove", move);
      if (!moved && each.type === "pointerup") this.click(began);
      this.done();
    };
    this.element.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) this.element.addEventListener(name, end, { once: true });
  }

  shift([top, bottom], by) {
    const kept = Math.min(Math.max(by, -top), 1000 - bottom);
    this.set(top + kept, bottom + kept);
  }

  // A click ends a range; on an axis of words without one it keeps the nearest word.
  click(place) {
    const is = this.range;
    this.range = null;
    if (!is && this.told.words.length > 1) {
      const [at] = this.told.words.reduce((best, each) => (Math.abs(each[0] - place) < Math.abs(best[0] - place) ? each : best));
      this.range = [at, at];
    }
    this.changed();
  }

  press(event) {
    if (event.key === "Escape") {
      this.range = null;
      this.changed();
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      let [top, bottom] = this.range ?? WHOLE;
      const by = this.told.words.length > 1 ? 1000 / (this.told.words.length - 1) : STEP;
      const isUp = event.key === "ArrowUp";
      // Up keeps what is higher: it raises the lower end, and with Shift the upper one again; down the other way round.
      if (isUp !== event.shiftKey) bottom += isUp ? -by : by;
      else top += isUp ? -by : by;
      if (bottom - top < -0.01) return event.preventDefault();
      this.set(top, Math.max(top, bottom));
    } else {
      return;
    }
    event.preventDefault();
    this.done();
  }

  // The ends of the range as values: numbers from low to high, or the first and the last word.
  ends() {
    if (this.told.words.length) {
      const held = this.told.words.filter(([place]) => this.holds(place)).map(([, word]) => word);
      return held.length ? [held[0], held.at(-1)] : ["", ""];
    }
    return [this.value(this.range[1]), this.value(this.range[0])];
  }

  value(place) {
    const [low, high, isLog] = this.told.scale;
    const share = (1000 - place) / 1000;
    const found = isLog ? low * (high / low) ** share : low + (high - low) * share;
    return Number(found.toPrecision(8));
  }

  take(from, to) {
    if (this.told.words.length) {
      const held = this.told.words.filter(([, word]) => word >= from && word <= to).map(([place]) => place);
      if (held.length) this.range = [held[0], held.at(-1)];
    } else if (this.told.scale && Number.isFinite(from) && Number.isFinite(to)) {
      this.range = [this.place(to), this.place(from)];
    }
  }

  place(value) {
    const [low, high, isLog] = this.told.scale;
    if (low === high) return 500;
    const share = isLog ? Math.log(Math.max(value, low) / low) / Math.log(high / low) : (value - low) / (high - low);
    return 1000 - Math.min(Math.max(share, 0), 1) * 1000;
  }

  words() {
    if (!this.range) return "all";
    const [from, to] = this.ends().map((end) => (typeof end === "number" ? Number(end.toPrecision(4)) : end));
    return from === to ? `${from}` : `${from} to ${to}`;
  }

  tell(count, all) {
    const [top, bottom] = this.range ?? WHOLE;
    this.shown.hidden = !this.range;
    // The strip is 0.4 rem longer than the axis at either end.
    this.shown.style.top = `calc(0.4rem + (100% - 0.8rem) * ${top / 1000} - 2px)`;
    this.shown.style.height = `calc((100% - 0.8rem) * ${(bottom - top) / 1000} + 4px)`;
    this.element.setAttribute("aria-valuenow", String(Math.round(1000 - bottom)));
    this.element.setAttribute("aria-valuetext", `${this.words()}; ${count} of ${all} runs`);
  }
}
