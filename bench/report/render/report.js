"use strict";
// Sorting, filters, explanations of columns and the theme. Without scripts the page shows everything in its first order.

/** Return the key by which a cell is sorted: its text without footnotes or the number it begins with; null if empty. */
function sortKey(cell, isNumber) {
  const text = cell.firstChild ? cell.firstChild.textContent.trim() : "";
  if (text === "" || text === "—") return null;
  return isNumber ? parseFloat(text.replace(/[,<≤]/g, "")) : text;
}

/** Return the rows sorted by a column; rows with an empty cell always come last, equal rows keep their order. */
function sorted(rows, column, isNumber, direction) {
  const keyed = rows.map((row) => ({ row, key: sortKey(row.cells[column], isNumber) }));
  const order = (a, b) => (isNumber ? a.key - b.key : a.key.localeCompare(b.key, "en", { numeric: true }));
  const full = keyed.filter(({ key }) => key !== null).sort((a, b) => direction * order(a, b));
  return [...full, ...keyed.filter(({ key }) => key === null)].map(({ row }) => row);
}

/** Sort a table by a column: at the first click one way (numbers from the highest), then the other, then as it was. */
function sortBy(table, head, original) {
  const isNumber = head.classList.contains("number");
  const ways = isNumber ? ["descending", "ascending"] : ["ascending", "descending"];
  const way = ways[ways.indexOf(head.getAttribute("aria-sort")) + 1];
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  if (way) head.setAttribute("aria-sort", way);
  const direction = way === "ascending" ? 1 : -1;
  table.tBodies[0].append(...(way ? sorted(original, head.cellIndex, isNumber, direction) : original));
}

/** Put a button around the text of a column's head or of a name, so that it can be reached by the keyboard. */
function buttonAround(nodes, parent) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...nodes);
  parent.prepend(button);
  return button;
}

function makeSortable(table) {
  const original = [...table.tBodies[0].rows];
  for (const head of table.tHead.rows[0].cells) {
    const button = buttonAround([...head.childNodes], head);
    button.addEventListener("click", () => sortBy(table, head, original));
  }
}

/** Return whether an element matches the filters; a filter about which the element has no tag does not exclude it. */
function matches(about, chosen, without = []) {
  const isOf = ([name, value]) => !value || about[name] === undefined || about[name].split(" ").includes(value);
  return Object.entries(chosen).every(isOf) && !without.includes(about.model);
}

/**
 * Return the choice, or the nearest possible one if no results fit it: the filter ``last``, which the reader changed last,
 * stays, and as few others as possible change; a data set or features that do not fit become "all".
 */
function adapted(chosen, last, possible) {
  const misses = (line) => Object.keys(line).filter((name) => chosen[name] && !line[name].includes(chosen[name]));
  if (possible.some((line) => !misses(line).length)) return chosen;
  const near = possible.filter((line) => !misses(line).includes(last));
  if (!near.length) return chosen;
  const nearest = near.reduce((best, line) => (misses(line).length < misses(best).length ? line : best));
  const isPlace = (name) => name === "dataset" || name === "features";
  const changed = misses(nearest).map((name) => [name, isPlace(name) ? "" : nearest[name][nearest[name].length - 1]]);
  return { ...chosen, ...Object.fromEntries(changed) };
}

/** Return the choice that an address names; filters that it does not name have their first values. */
function fromAddress(search, names, first) {
  const asked = new URLSearchParams(search);
  const entries = names.map((name) => [name, asked.get(name) ?? first[name] ?? ""]);
  return { chosen: Object.fromEntries(entries), without: (asked.get("without") ?? "").split(" ").filter(Boolean) };
}

function toAddress({ chosen, without }) {
  return "?" + new URLSearchParams({ ...chosen, ...(without.length ? { without: without.join(" ") } : {}) });
}

/** Start the form with the filters: fill it from the address, and let the page follow every change. */
function startChoice(form, { first, possible }) {
  const selects = [...form.querySelectorAll("select")];
  const boxes = [...form.querySelectorAll("[name=model]")];
  const names = selects.map((select) => select.name);
  const said = () => ({
    chosen: Object.fromEntries(selects.map(({ name, value }) => [name, value])),
    without: boxes.filter((box) => !box.checked).map((box) => box.value),
  });
  const fill = ({ chosen, without }) => {
    for (const select of selects) {
      select.value = chosen[select.name];
      if (select.selectedIndex < 0) select.value = first[select.name] ?? ""; // the page lacks what the address names
    }
    for (const box of boxes) box.checked = !without.includes(box.value);
  };
  const show = (isNew) => {
    const choice = said();
    follow(choice);
    document.getElementById("shown").textContent = inWords(selects, choice);
    if (isNew) history.replaceState(null, "", toAddress(choice) + location.hash);
  };
  const choose = (choice) => {
    fill(choice);
    show(true);
  };
  form.addEventListener("change", ({ target }) => {
    const { chosen, without } = said();
    choose({ chosen: target.name in chosen ? adapted(chosen, target.name, possible) : chosen, without });
  });
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    choose(fromAddress("", names, first));
  });
  document.getElementById("everything").addEventListener("click", () => choose(fromAddress("", names, {})));
  form.addEventListener("submit", (event) => event.preventDefault());
  fill(fromAddress(location.search, names, first));
  show(false);
  /** Show the element that the address points at, if need be by changing filters. */
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const hidden = target && [...document.querySelectorAll("[hidden]")].filter((element) => element.contains(target));
    if (!hidden || !hidden.length) return;
    const { chosen, without } = said();
    for (const { dataset } of hidden)
      for (const name of names)
        if (!matches(dataset, { [name]: chosen[name] })) chosen[name] = dataset[name].split(" ").pop();
    choose({ chosen, without });
    if (target.closest("[hidden]")) choose(fromAddress("", names, {}));
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
}

/** Hide the elements that do not match the filters; verdicts stay in place and get the class "other" instead. */
function follow({ chosen, without }) {
  const tagged = [...Object.keys(chosen), "model"].map((name) => `[data-${name}]`).join();
  for (const element of document.querySelectorAll(tagged)) {
    const isShown = matches(element.dataset, chosen, without);
    if ("stays" in element.dataset) element.classList.toggle("other", !isShown);
    else element.hidden = !isShown;
  }
  for (const head of document.querySelectorAll("thead [data-metric]"))
    for (const row of head.closest("table").rows) row.cells[head.cellIndex].hidden = head.hidden;
  for (const part of document.querySelectorAll(".scroll")) {
    const rows = [...part.querySelectorAll("tbody tr")];
    const isEmpty = rows.length > 0 && rows.every((row) => row.hidden);
    part.hidden = isEmpty || !matches(part.dataset, chosen, without);
    if (part.parentElement.matches("details")) part.parentElement.hidden = part.hidden;
  }
  for (const article of document.querySelectorAll("main article")) {
    const parts = [...article.querySelectorAll(".scroll")];
    if (parts.length && parts.every((part) => part.hidden)) article.hidden = true;
    document.querySelector(`nav a[href="#${CSS.escape(article.id)}"]`).parentElement.hidden = article.hidden;
  }
  const entries = [...document.querySelectorAll("nav li li:not([hidden]) > a")].map((link) => link.firstChild.textContent);
  document.querySelector("nav").classList.toggle("brief", new Set(entries).size === entries.length);
  for (const question of document.querySelectorAll("main > section")) {
    const parts = [...question.querySelectorAll("article")];
    question.hidden = parts.length > 0 && parts.every((part) => part.hidden);
    document.querySelector(`nav a[href="#${question.id}"]`).parentElement.hidden = question.hidden;
  }
}

function inWords(selects, { chosen, without }) {
  const parts = selects.filter(({ name }) => chosen[name]).map((select) => {
    const text = select.selectedOptions[0].textContent;
    return select.name === "dataset" || select.name === "metric" ? text : `${select.name} ${text}`;
  });
  if (without.length) parts.push(`${without.length} model${without.length > 1 ? "s" : ""} hidden`);
  return parts.join(", ") || "everything";
}

/** Start the tip that explains a column's head when it is pointed at, tapped or reached by the keyboard. */
function startTips(tip) {
  let shown = null;
  const hide = () => {
    tip.hidden = true;
    shown?.removeAttribute("aria-describedby");
    shown = null;
  };
  const show = ({ target }) => {
    const head = target.closest?.("[data-term]");
    if (!head || tip.contains(target)) return tip.contains(target) || hide();
    hide();
    shown = head.querySelector("button") ?? head;
    shown.setAttribute("aria-describedby", "tip");
    tip.textContent = document.getElementById(`term-${head.dataset.term}`).textContent;
    tip.hidden = false;
    const box = head.getBoundingClientRect();
    const left = Math.min(Math.max(8, box.left), document.documentElement.clientWidth - tip.offsetWidth - 8);
    const above = box.top - tip.offsetHeight - 4;
    tip.style.left = `${left}px`;
    tip.style.top = `${above > 0 ? above : box.bottom + 4}px`;
  };
  for (const kind of ["pointerover", "focusin", "click"]) document.addEventListener(kind, show);
  document.addEventListener("keydown", ({ key }) => key === "Escape" && hide());
  addEventListener("scroll", hide, { passive: true });
}

/** Start the button that switches between light and dark; the theme is remembered if the browser allows it. */
function startTheme(button) {
  const root = document.documentElement;
  const show = (theme) => {
    root.dataset.theme = theme;
    button.setAttribute("aria-pressed", String(theme === "dark"));
  };
  let theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  try {
    theme = localStorage.getItem("theme") || theme;
  } catch {} // some browsers give a page from a file no access to storage
  show(theme);
  button.addEventListener("click", () => {
    show(root.dataset.theme === "dark" ? "light" : "dark");
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {}
  });
  button.hidden = false;
}
