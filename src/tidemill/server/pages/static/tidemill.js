// Everything here improves a page that works without it.
import { brushStrands } from "./brush.js";
import { watchCharts } from "./charts.js";
import { keepFresh } from "./live.js";

const root = document.documentElement;

// The answer to a form that was refused is its page: reloading or renewing it must not send the form again.
if (document.body.dataset.place) history.replaceState(history.state, "", document.body.dataset.place);

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function localTimes(within) {
  for (const time of within.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    if (time.dataset.style === "full") time.textContent = full.format(moment);
    if (time.dataset.style === "day") time.textContent = day.format(moment);
  }
}

function copyButtons(within) {
  for (const button of within.querySelectorAll("button.copy")) button.hidden = !navigator.clipboard;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  event.preventDefault();
  await navigator.clipboard.writeText(button.dataset.copy);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1200);
});

const toggle = document.querySelector("#theme");
if (toggle) {
  const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const tell = () => toggle.setAttribute("aria-label", dark() ? "Use the light theme" : "Use the dark theme");
  toggle.hidden = false;
  tell();
  toggle.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    localStorage.setItem("tidemill-theme", root.dataset.theme);
    tell();
  });
}

for (const control of document.querySelectorAll("[data-submit]")) {
  control.addEventListener("change", () => {
    control.form.requestSubmit(control.closest("section")?.querySelector("button[formaction]") ?? undefined);
  });
}

// On a narrow screen the navigation scrolls: where one is stands in sight.
const nav = document.querySelector(".top nav");
const current = nav?.querySelector("[aria-current]");
if (current) nav.scrollLeft = current.offsetLeft - nav.offsetLeft - (nav.clientWidth - current.offsetWidth) / 2;

function improve(within) {
  localTimes(within);
  copyButtons(within);
  watchCharts(within);
  brushStrands(within);
}

improve(document);
keepFresh(improve);
if (document.querySelector("[data-rows]")) import("./runs.js").then(({ openTable }) => openTable(improve));

const wrong = document.querySelector("input[data-column]");
if (wrong) {
  wrong.focus();
  wrong.setSelectionRange(Number(wrong.dataset.column), wrong.value.length);
}
