// The labelling page with the keyboard: rows are asked for ahead, answers go through the outbox, and one can go back.
import { newId, openOutbox } from "./outbox.js";

const AHEAD = 6;
const AGAIN_MS = 10000;
const root = document.querySelector("#label");
const settings = JSON.parse(root.dataset.settings);
const person = root.dataset.person;
const api = `/api/v1/label-tasks/${encodeURIComponent(settings.task)}`;
const part = (name) => document.querySelector(`#label-${name}`);
const form = part("form");
const field = part("value");
const choices = form ? [...form.querySelectorAll("[data-choice]")] : [];

let ahead = []; // rows that are ours and not answered yet; the first is on the screen
let behind = []; // rows that were answered, the last one last
let shownAt = 0;
let isFilling = false;
let counts = null;
let wentBack = false;

const outbox = openOutbox(`${api}/answers`, person, tellWaiting, tellRefused);

function written(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}

function tellWaiting(answers, trouble) {
  root.dataset.waiting = answers.length;
  const box = part("waiting");
  box.hidden = !(answers.length && trouble);
  const many = answers.length === 1 ? "1 answer waits" : `${answers.length} answers wait`;
  box.textContent = box.hidden ? "" : `${trouble} ${many} in this browser, and will be sent when it answers. Go on.`;
}

function tellRefused(answer, error) {
  const box = part("refused");
  box.hidden = false;
  const line = document.createElement("p");
  line.textContent = `Row ${answer.item}: ${error.message}. ${error.hint ?? ""}`;
  box.append(line);
}

function say(text) {
  part("said").textContent = text;
}

async function ask(path, body) {
  const options = body ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {};
  const reply = await fetch(api + path, options);
  if (!reply.ok) throw new Error(String(reply.status));
  return reply.json();
}

// Asks for more rows; those whose answer is on its way are ours still, and not asked again.
async function fill() {
  if (isFilling) return;
  isFilling = true;
  try {
    const gone = outbox.waiting().length;
    const hand = await ask("/deal", { rows: Math.min(AHEAD + gone, 50) });
    const known = new Set([...ahead, ...behind].map((row) => row.item));
    for (const answer of outbox.waiting()) known.add(answer.item);
    const fresh = hand.rows.filter((row) => !known.has(row.item));
    ahead.push(...fresh);
    counts = hand;
    for (const row of fresh) if (row.media) new Image().src = picture(row);
    count();
    if (fresh.length && part("row").hidden) show();
  } catch {
    // Without the server one goes on with the rows at hand.
  }
  isFilling = false;
  if (!ahead.length) setTimeout(fill, AGAIN_MS);
}

function count() {
  if (!counts) return;
  const done = part("done");
  done.value = done.max - counts.left;
  part("count").textContent = `${done.value.toLocaleString()} of ${done.max.toLocaleString()} done, ${counts.answered.toLocaleString()} answered by you`;
}

function picture(row) {
  return `/labels/${encodeURIComponent(settings.task)}/files/${row.item}`;
}

function show() {
  const row = ahead[0];
  part("row").hidden = !row;
  part("none").hidden = Boolean(row);
  if (!row) {
    why();
    return;
  }
  part("title").textContent = `Row ${row.item}`;
  part("item").value = row.item;
  const answered = row.answer !== null && row.answer !== undefined;
  const skipped = row.skipped !== null && row.skipped !== undefined;
  part("state").textContent = answered ? `You answered ${written(row.answer)}` : skipped ? "You skipped it" : "";
  part("cells").replaceChildren(...cells(row));
  part("note").value = row.note ?? "";
  part("reason").value = row.skipped ?? "";
  offer(written(answered ? row.answer : row.suggestion), answered ? written(row.answer) : null);
  form.classList.remove("skipping");
  if (part("search")) find("");
  if (field) field.focus();
  else if (document.activeElement && document.activeElement !== document.body) document.activeElement.blur();
  say(`Row ${row.item}. ${row.cells.map((cell) => `${cell.name}: ${cell.text ?? "null"}`).join(". ").slice(0, 400)}`);
  shownAt = performance.now();
}

function why() {
  const left = counts?.left ?? 0;
  const open = counts?.is_open ?? true;
  part("why").textContent = !open ? "The task is closed." : left ? `${left.toLocaleString()} rows that are not done wait with other people, or were skipped by you.` : "All rows are done.";
}

function cells(row) {
  const list = document.createElement("dl");
  list.className = "facts";
  for (const cell of row.cells) {
    const name = document.createElement("dt");
    const value = document.createElement("dd");
    name.append(Object.assign(document.createElement("bdi"), { textContent: cell.name }));
    value.className = "note-text";
    value.append(Object.assign(document.createElement(cell.text === null ? "span" : "bdi"), { textContent: cell.text ?? "null", className: cell.text === null ? "muted" : "" }));
    list.append(name, value);
  }
  if (!row.media) return [list];
  return [Object.assign(document.createElement("img"), { className: "label-picture", src: picture(row), alt: row.file }), list];
}

function offer(value, answered) {
  if (field) field.value = value;
  for (const button of choices) {
    button.toggleAttribute("data-offered", button.dataset.choice === value);
    if (button.dataset.choice === answered) button.setAttribute("aria-pressed", "true");
    else button.removeAttribute("aria-pressed");
  }
}

function keep(said) {
  const row = ahead.shift();
  if (!row) return;
  const seconds = Math.round(performance.now() - shownAt) / 1000;
  const note = part("note").value;
  const more = (said.value !== undefined) - (row.answer !== null && row.answer !== undefined);
  if (counts) {
    counts.answered += more;
    if (settings.people === 1) counts.left -= more; // of others only the server knows
    count();
  }
  Object.assign(row, { note, answer: said.value ?? null, skipped: said.skip ?? null });
  behind.push(row);
  outbox.add({ item: row.item, ...said, note, seconds, answer_id: newId() });
  say(said.skip === undefined ? `Kept ${written(said.value)}.` : "Skipped.");
  show();
  if (ahead.length < AHEAD / 2) outbox.send().then(fill);
}

function keepTyped() {
  const text = field.value;
  if (settings.kind === "number") {
    if (!form.reportValidity() || text.trim() === "") return field.focus();
    return keep({ value: Number(text) });
  }
  if (text.trim() === "") return field.focus();
  return keep({ value: text });
}

function keepChoice(button) {
  keep({ value: settings.kind === "yes_no" ? button.dataset.choice === "yes" : button.dataset.choice });
}

async function back() {
  if (!behind.length && !wentBack) await remember();
  const row = behind.pop();
  if (!row) return say("There is no row before this one.");
  ahead.unshift(row);
  show();
}

// After a reload the rows before this one are known to the server only.
async function remember() {
  wentBack = true;
  try {
    const kept = await ask(`/answers?person=${encodeURIComponent(person)}&limit=50`);
    const waiting = new Set(ahead.map((row) => row.item));
    const items = [...new Set(kept.filter((each) => !each.is_resolution).map((each) => each.item))];
    const rows = await Promise.all(items.filter((item) => !waiting.has(item)).slice(0, 20).map((item) => ask(`/rows/${item}`)));
    behind = rows.reverse();
  } catch {
    wentBack = false;
  }
}

function find(text) {
  const wanted = text.trim().toLowerCase();
  for (const button of choices) button.hidden = !button.textContent.toLowerCase().includes(wanted);
}

function move(step) {
  const seen = choices.filter((button) => !button.hidden);
  const at = seen.indexOf(document.activeElement);
  seen[at < 0 ? (step > 0 ? 0 : seen.length - 1) : (at + step + seen.length) % seen.length]?.focus();
}

function inField(event, target) {
  if (event.key === "Escape") {
    target.blur();
    form.classList.remove("skipping");
  } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    if (target === field) keepTyped();
    else if (target === part("reason")) keep({ skip: target.value });
    else if (target === part("search")) choices.filter((button) => !button.hidden)[0]?.click();
    else if (field) field.focus();
    else target.blur();
  }
}

const keys = {
  b: back,
  u: back,
  s: () => part("reason").focus(),
  m: () => part("note").focus(),
  e: () => field?.focus(),
  g: () => part("guidelines")?.toggleAttribute("open"),
  "?": () => part("keys").toggleAttribute("open"),
  "/": () => part("search")?.focus(),
  ArrowDown: () => move(1),
  ArrowRight: () => move(1),
  ArrowUp: () => move(-1),
  ArrowLeft: () => move(-1),
};

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || part("row").hidden) return;
  const target = event.target;
  if (target.matches("input, textarea, select")) {
    if (form.contains(target)) inField(event, target);
    return;
  }
  const chosen = choices.find((button) => button.dataset.key === event.key.toLowerCase());
  if (chosen) {
    event.preventDefault();
    keepChoice(chosen);
  } else if (event.key === "Enter" && !target.matches("a, button, summary")) {
    const offered = choices.find((button) => button.hasAttribute("data-offered"));
    if (offered) keepChoice(offered);
  } else if (Object.hasOwn(keys, event.key) && (choices.length || !event.key.startsWith("Arrow"))) {
    event.preventDefault();
    keys[event.key]();
  }
}

// The row that came with the page is ours. What was typed before this script ran stays, and so does the place of the keys.
function takeOver(row) {
  const typed = [field, part("note"), part("reason")].filter((each) => each && each.value !== each.defaultValue).map((each) => [each, each.value]);
  const held = form.contains(document.activeElement) ? document.activeElement : null;
  ahead.unshift(row);
  show();
  for (const [each, value] of typed) each.value = value;
  held?.focus();
}

if (form) {
  document.addEventListener("keydown", pressed);
  part("back").addEventListener("click", back);
  part("search")?.addEventListener("input", (event) => find(event.target.value));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = event.submitter;
    if (button?.id === "label-skip") keep({ skip: part("reason").value });
    else if (button?.dataset.choice) keepChoice(button);
    else if (field) keepTyped();
  });
  root.classList.add("scripted");
  if (settings.row) takeOver(settings.row);
  outbox.send().then(fill);
}
