// Keeps the table as the server has it, without moving what is read: rows of running runs are renewed where they stand,
// and new runs are told of, and put in by themselves only while the top of the table is looked at.
const LOOK_MS = 2000;

export function follow({ box, root, rows, changed }) {
  const count = document.querySelector("[data-total]");
  const newer = document.querySelector("[data-newer]");
  const every = Number(box.dataset.every) * 1000;
  const format = new Intl.NumberFormat("fr-FR", { maximumFractionDigits: 0 });
  let mark = Number(document.body.dataset.mark);
  let total = Number(box.dataset.count);
  let renewedAt = Date.now();

  async function renew() {
    const running = rows().filter((row) => row.hasAttribute("data-running"));
    if (!running.length) return;
    const fresh = await root.ask({ ids: running.map((row) => row.dataset.run).join(",") });
    const found = new Map(fresh.rows.map((row) => [row.dataset.run, row]));
    for (const row of running) {
      const next = found.get(row.dataset.run);
      if (next) take(row, next);
    }
  }

  // The cells change and the row stays, with its mark, its place and what has the focus.
  function take(row, next) {
    row.toggleAttribute("data-running", next.hasAttribute("data-running"));
    [...next.cells].forEach((cell, at) => {
      const old = row.cells[at];
      if (at > 1 && old && old.innerHTML !== cell.innerHTML) old.replaceWith(cell);
    });
  }

  function reload() {
    root.forget(total);
    count.textContent = format.format(total);
    newer.hidden = true;
    changed();
  }

  async function look() {
    if (!document.hidden) {
      try {
        const answer = await fetch("/changes", { headers: { accept: "application/json" } });
        const now = (await answer.json()).mark;
        if (answer.ok && now !== mark) {
          mark = now;
          const before = total;
          total = (await root.ask({ only: "total" })).total;
          const isAtTop = box.scrollTop < 1 && !box.contains(document.activeElement) && !root.opened.length;
          if (total !== before && isAtTop) reload();
          else if (total !== Number(root.total)) {
            newer.textContent = total > root.total ? `${format.format(total - root.total)} more: show` : "Some are gone: renew";
            newer.hidden = false;
          }
          await renew();
          renewedAt = Date.now();
        } else if (Date.now() - renewedAt >= every) {
          await renew();
          renewedAt = Date.now();
        }
      } catch {
        // The server is away for now; the next look asks it again.
      }
    }
    setTimeout(look, LOOK_MS);
  }

  newer.addEventListener("click", () => {
    box.scrollTop = 0;
    reload();
  });
  setTimeout(look, LOOK_MS);
}
