"use strict";
// Sorting, filters and the theme of the report; without scripts the page shows everything in its order.

/** What a cell is sorted by: its text without footnotes, or the number it begins with; null where it is empty. */
function sortKey(cell, isNumber) {
  const text = cell.firstChild ? cell.firstChild.textContent.trim() : "";
  if (text === "" || text === "—") return null;
  return isNumber ? parseFloat(text.replace(/[,<≤]/g, "")) : text;
}

/** The rows by one column; rows with an empty cell come last either way, equal ones keep their order. */
function sorted(rows, column, isNumber, direction) {
  const keyed = rows.map((row) => ({ row, key: sortKey(row.cells[column], isNumber) }));
  const order = (a, b) => (isNumber ? a.key - b.key : a.key.localeCompare(b.key, "en", { numeric: true }));
  const full = keyed.filter(({ key }) => key !== null).sort((a, b) => direction * order(a, b));
  return [...full, ...keyed.filter(({ key }) => key === null)].map(({ row }) => row);
}

/** Sort a table by a head: first one way (numbers from the highest), then the other, then as it was. */
function sortBy(table, head, original) {
  const isNumber = head.classList.contains("n");
  const ways = isNumber ? ["descending", "ascending"] : ["ascending", "descending"];
  const way = ways[ways.indexOf(head.getAttribute("aria-sort")) + 1];
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  if (way) head.setAttribute("aria-sort", way);
  const direction = way === "ascending" ? 1 : -1;
  table.tBodies[0].append(...(way ? sorted(original, head.cellIndex, isNumber, direction) : original));
}

function makeSortable(table) {
  const original = [...table.tBodies[0].rows];
  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(table, head, original));
    head.append(button);
  }
}

/** Whether an element is about what is chosen; where it does not say what it is about, it is. */
function matches(about, chosen) {
  return Object.entries(chosen).every(
    ([name, value]) => value === "" || about[name] === undefined || about[name].split(" ").includes(value),
  );
}

function filter(form) {
  const chosen = Object.fromEntries(new FormData(form));
  const tagged = Object.keys(chosen).map((name) => `[data-${name}]`).join();
  for (const element of document.querySelectorAll(tagged)) element.hidden = !matches(element.dataset, chosen);
  const sections = [...document.querySelectorAll("main > section")];
  const shown = sections.filter((section) => !section.hidden).length;
  document.getElementById("shown").textContent = `${shown} of ${sections.length} sections shown`;
}

/** The button turns the theme over; what was chosen is kept where the browser lets a page keep anything. */
function startTheme(button) {
  const root = document.documentElement;
  const show = (theme) => {
    root.dataset.theme = theme;
    button.setAttribute("aria-pressed", String(theme === "dark"));
  };
  let theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  try {
    theme = localStorage.getItem("theme") || theme;
  } catch {} // a page from a file may not be allowed to
  show(theme);
  button.addEventListener("click", () => {
    show(root.dataset.theme === "dark" ? "light" : "dark");
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {}
  });
}

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("controls");
  for (const table of document.querySelectorAll("table")) makeSortable(table);
  form.addEventListener("change", () => filter(form));
  form.addEventListener("reset", () => setTimeout(() => filter(form))); // once the choices are back at "all"
  form.addEventListener("submit", (event) => event.preventDefault());
  startTheme(document.getElementById("theme"));
  filter(form);
  form.hidden = false;
});
