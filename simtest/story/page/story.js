"use strict";
const lanes = document.getElementById("lanes");
for (const button of document.querySelectorAll("[data-zoom]")) {
  button.addEventListener("click", () => {
    const middle = (lanes.scrollLeft + lanes.clientWidth / 2) / lanes.scrollWidth;
    lanes.style.setProperty("--zoom", button.dataset.zoom);
    for (const other of document.querySelectorAll("[data-zoom]")) other.setAttribute("aria-pressed", other === button);
    lanes.scrollLeft = middle * lanes.scrollWidth - lanes.clientWidth / 2;
  });
}
const rows = [...document.querySelectorAll("#events tbody tr")];
const find = document.getElementById("find");
function filter() {
  const shown = new Set([...document.querySelectorAll("#who input:checked")].map((box) => box.value));
  shown.add("judge");
  const words = find.value.toLowerCase();
  for (const row of rows) row.hidden = !shown.has(row.dataset.who) || !row.textContent.toLowerCase().includes(words);
}
document.getElementById("who").addEventListener("input", filter);
