// The values under the pointer, or under the arrow keys.
export function watchCharts(within) {
  for (const figure of within.querySelectorAll("figure.chart[data-hover]")) {
    if (!figure.dataset.watched) watch(figure);
    figure.dataset.watched = "yes";
  }
}

function watch(figure) {
  const places = JSON.parse(figure.dataset.hover);
  const plot = figure.querySelector(".plot");
  let at = -1;
  let cursor = null;
  let tip = null;

  function show(next) {
    if (next === at) return;
    at = next;
    if (!cursor) {
      cursor = plot.appendChild(Object.assign(document.createElement("div"), { className: "cursor" }));
      tip = plot.appendChild(Object.assign(document.createElement("div"), { className: "tip" }));
      tip.setAttribute("role", "status");
    }
    const [place, label, lines] = places[at];
    cursor.style.left = `${place / 10}%`;
    tip.replaceChildren();
    tip.appendChild(document.createElement("strong")).textContent = label;
    for (const [name, tone, text] of lines) {
      const row = tip.appendChild(document.createElement("div"));
      row.appendChild(Object.assign(document.createElement("span"), { className: `key tone-${tone}` }));
      row.append(`${name} ${text}`);
    }
    tip.style.left = place < 550 ? `calc(${place / 10}% + 0.7rem)` : "auto";
    tip.style.right = place < 550 ? "auto" : `calc(${100 - place / 10}% + 0.7rem)`;
  }

  function hide() {
    cursor?.remove();
    tip?.remove();
    cursor = tip = null;
    at = -1;
  }

  function nearest(clientX) {
    const box = plot.getBoundingClientRect();
    const wanted = ((clientX - box.left) / box.width) * 1000;
    let best = 0;
    for (let index = 1; index < places.length; index += 1) {
      if (Math.abs(places[index][0] - wanted) < Math.abs(places[best][0] - wanted)) best = index;
    }
    return best;
  }

  plot.addEventListener("pointermove", (event) => show(nearest(event.clientX)));
  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") hide();
    if (!step) return;
    event.preventDefault();
    show(Math.min(Math.max(at < 0 ? (step > 0 ? 0 : places.length - 1) : at + step, 0), places.length - 1));
  });
}
