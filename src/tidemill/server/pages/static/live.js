// Keeps parts of a page as they are on the server: asks for a small mark, and for the page only when it changed.
const PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 30000;

export function keepFresh(improve) {
  if (!document.querySelector("[data-live]")) return;
  let mark = Number(document.body.dataset.mark);
  let pause = PAUSE_MS;
  let shownAt = Date.now();

  async function look() {
    if (!document.hidden) {
      try {
        const answer = await fetch("/changes", { headers: { accept: "application/json" } });
        if (!answer.ok) throw new Error(String(answer.status));
        const now = (await answer.json()).mark;
        const every = shortestEvery();
        const isDue = every > 0 && Date.now() - shownAt >= every;
        if (now !== mark || isDue) {
          await renew(improve);
          shownAt = Date.now();
        }
        mark = now;
        pause = PAUSE_MS;
      } catch {
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
    setTimeout(look, pause);
  }
  setTimeout(look, PAUSE_MS);
}

function shortestEvery() {
  const asked = [...document.querySelectorAll("[data-every]")].map((part) => Number(part.dataset.every) * 1000);
  return asked.length ? Math.min(...asked) : 0;
}

async function renew(improve) {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (fresh.title !== document.title) {
    location.reload();
    return;
  }
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    const isInUse = part.contains(document.activeElement) || part.querySelector("details.confirm[open], .tip");
    if (!next || isInUse || next.outerHTML === part.dataset.last) continue;
    const opened = [...part.querySelectorAll("details")].map((each) => each.open);
    const last = next.outerHTML;
    part.replaceWith(next);
    next.dataset.last = last;
    next.querySelectorAll("details").forEach((each, index) => { each.open ||= opened[index] ?? false; });
    improve(next);
  }
}
