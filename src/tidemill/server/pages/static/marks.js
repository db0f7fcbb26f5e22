// Which runs are marked for comparing: kept while rows come and go, and from search to search in this tab.
const KEPT = "tidemill-marked";
const MOST = 200;

export function marks(form) {
  const marked = new Set(JSON.parse(sessionStorage.getItem(KEPT) ?? "[]"));
  const compare = form.querySelector("[data-compare]");
  const unmark = form.querySelector("[data-unmark]");
  // Rows come with the page: some may be marked before this script is here.
  form.querySelectorAll(".pick:checked").forEach((pick) => marked.add(pick.value));

  function dress(row) {
    const pick = row.querySelector(".pick");
    if (!pick) return;
    pick.checked = marked.has(pick.value);
    row.classList.toggle("marked", pick.checked);
  }

  function tell() {
    sessionStorage.setItem(KEPT, JSON.stringify([...marked]));
    compare.textContent = marked.size ? `Compare the ${marked.size} marked` : "Compare the marked ones";
    unmark.hidden = !marked.size;
  }

  form.addEventListener("change", (event) => {
    const pick = event.target.closest(".pick");
    if (!pick) return;
    if (pick.checked && marked.size < MOST) marked.add(pick.value);
    else marked.delete(pick.value);
    dress(pick.closest("tr"));
    tell();
  });

  form.addEventListener("formdata", (event) => {
    event.formData.delete("ids");
    for (const id of marked) event.formData.append("ids", id);
  });

  unmark.addEventListener("click", () => {
    marked.clear();
    form.querySelectorAll("tr").forEach(dress);
    tell();
  });

  tell();
  return { dress };
}
