// Where people differ: the number of a choice decides the first row on the page.
const first = document.querySelector("#resolve");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("input, textarea, select")) return;
  first?.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`)?.click();
});
