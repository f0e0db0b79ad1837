
"use strict";
// Tables sort by a click on a heading and are filtered by the box above them.
const value = (row, column) => {
  const cell = row.cells[column];
  const number = Number(cell.dataset.sort ?? NaN);
  return Number.isNaN(number) ? cell.textContent.trim().toLowerCase() : number;
};
const compare = (left, right) =>
  typeof left === typeof right
    ? (typeof left === "number" ? left - right : (left < right ? -1 : Number(left > right)))
    : (typeof left === "number" ? -1 : 1);

function sort(table, heading) {
  const column = heading.cellIndex;
  const down = heading.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = [...table.tBodies[0].rows];
  rows.sort((left, right) => compare(value(left, column), value(right, column)) * (down ? -1 : 1));
  table.tBodies[0].append(...rows);
}

function filter(tools) {
  const table = document.getElementById(tools.dataset.table);
  const words = tools.querySelector("input").value.toLowerCase();
  const choice = tools.querySelector("select")?.value ?? "";
  let left = 0;
  for (const row of table.tBodies[0].rows) {
    const fits = row.textContent.toLowerCase().includes(words) && (!choice || row.dataset.group === choice);
    row.hidden = !fits;
    left += fits;
  }
  tools.querySelector("output").textContent = `${left} of ${table.tBodies[0].rows.length} rows`;
}

for (const table of document.querySelectorAll("table[id]"))
  for (const heading of table.tHead.rows[0].cells)
    heading.querySelector("button")?.addEventListener("click", () => sort(table, heading));
for (const tools of document.querySelectorAll(".tools")) {
  tools.addEventListener("input", () => filter(tools));
  filter(tools);
}
