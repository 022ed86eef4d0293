"use strict";
// Without this script the page shows every rule; with it, those that are searched for.
const search = document.getElementById("search");
const found = document.getElementById("found");
const tables = Array.from(document.querySelectorAll("table.rules"), (table) => ({
  table,
  none: table.parentElement.querySelector(".none"),
  rows: Array.from(table.tBodies[0].rows, (row) => ({
    row,
    // Cell by cell, so that a word cannot run from one cell into the next.
    text: Array.from(row.cells, (cell) => cell.textContent).join("\n").toLowerCase(),
  })),
}));
const all = tables.reduce((sum, { rows }) => sum + rows.length, 0);

function filter() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const { table, none, rows } of tables) {
    let here = 0;
    for (const { row, text } of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      here += row.hidden ? 0 : 1;
    }
    table.hidden = here === 0;
    none.hidden = here !== 0;
    shown += here;
  }
  found.textContent = words.length ? `${shown} of ${all} rules match “${words.join(" ")}”` : `${all} rules`;
}

search.addEventListener("input", filter);
search.form.addEventListener("submit", (event) => event.preventDefault());
search.form.hidden = false;
document.querySelector(".skip").hidden = false;
filter();
