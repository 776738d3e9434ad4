"use strict";
// Headings of tables become buttons that sort the rows.
const one = "-?[\\d,]*\\.?\\d+(?:e[+-]?\\d+)?|-?inf";
const form = new RegExp(`^(${one})(?:[%* ]*|(?:-| to )(?:${one}))$`);
// The number of a cell, or the first of an interval.
const number = text => {
  const found = form.exec(text);
  return found ? Number(found[1].replaceAll(",", "").replace("inf", "Infinity")) : NaN;
};
function sort(table, at, heading) {
  const falling = heading.ariaSort === "descending";
  const rows = [...table.tBodies[0].rows];
  const text = row => row.cells[at].textContent;
  const compare = (a, b) => {
    const [x, y] = [number(text(a)), number(text(b))];
    if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y) || text(a).localeCompare(text(b));
    return x - y;
  };
  rows.sort((a, b) => falling ? compare(a, b) : compare(b, a));
  for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
  heading.ariaSort = falling ? "ascending" : "descending";
  table.tBodies[0].append(...rows);
}
for (const table of document.querySelectorAll("table")) {
  if (table.tBodies[0].rows.length < 2) continue;
  [...table.tHead.rows[0].cells].forEach((heading, at) => {
    const button = document.createElement("button");
    button.append(...heading.childNodes);
    if (!button.textContent) return;
    heading.append(button);
    button.onclick = () => sort(table, at, heading);
  });
}
