// The dialog that shows a record's settings, values, curve and provenance, and the start of all scripts.

const SIZE = { width: 420, height: 120, left: 48, right: 8, top: 8, bottom: 20 };

/** Return a new element with attributes and children: of HTML, or of SVG if ``space`` is the namespace of SVG. */
function made(name, attributes = {}, children = [], space = null) {
  const element = space ? document.createElementNS(space, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Return the positions of a curve's points in a picture of ``size``, in pixels; larger values are higher up. */
function placed({ x, y }, size) {
  const scale = (values, low, high) => {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return values.map((value) => low + ((high - low) * (value - least)) / (most - least || 1));
  };
  const [across, up] = [scale(x, size.left, size.width - size.right), scale(y, size.height - size.bottom, size.top)];
  return across.map((place, n) => [Math.round(place * 10) / 10, Math.round(up[n] * 10) / 10]);
}

/** Unpack a curve: the page has only its first epoch and the step between epochs, and two digits for each level. */
function unpacked({ first, step, ...curve }) {
  const levels = curve.y.match(/../g).map((digits) => parseInt(digits, 36) / (36 * 36 - 1));
  const x = curve.x ?? levels.map((_, n) => first + n * step);
  return { ...curve, x, y: levels };
}

/** Draw a learning curve with its first and last epoch, its least and greatest value, and a ring at the chosen epoch. */
function drawnCurve(curve) {
  const svg = (name, attributes, children) => made(name, attributes, children, "http://www.w3.org/2000/svg");
  const text = (said, x, y, anchor) => svg("text", { x, y, "text-anchor": anchor }, [said]);
  const points = placed(curve, SIZE);
  const [floor, end] = [SIZE.height - SIZE.bottom, SIZE.width - SIZE.right];
  const chosen = points[curve.x.indexOf(curve.best)];
  return made("figure", {}, [
    svg("svg", { viewBox: `0 0 ${SIZE.width} ${SIZE.height}`, role: "img", "aria-label": `${curve.name} by epochs` }, [
      svg("path", { class: "axis", d: `M${SIZE.left} ${SIZE.top}V${floor}H${end}` }),
      svg("polyline", { points: points.join(" ") }),
      ...(chosen ? [svg("circle", { cx: chosen[0], cy: chosen[1], r: 4 })] : []),
      text(curve.high.toFixed(4), SIZE.left - 4, SIZE.top + 8, "end"),
      text(curve.low.toFixed(4), SIZE.left - 4, floor, "end"),
      text(`epoch ${curve.x[0]}`, SIZE.left, SIZE.height - 4, "start"),
      text(`${curve.x[curve.x.length - 1]}`, end, SIZE.height - 4, "end"),
    ]),
    made("figcaption", {}, [curve.name + (chosen ? `; the ring is the chosen epoch, ${curve.best}` : "")]),
  ]);
}

function shownRecord({ key, title, groups, curves = [] }, { columns, texts }) {
  const said = (text) => (typeof text === "number" ? texts[text] : text);
  const parts = groups.map(([place, ...values]) => {
    const [name, ...terms] = columns[place];
    const pairs = terms.map((term, n) => made("div", {}, [made("dt", {}, [term]), made("dd", {}, [said(values[n])])]));
    return made("section", {}, [made("h4", {}, [name]), made("dl", {}, pairs)]);
  });
  const href = document.querySelector(`#record-${key} a`).getAttribute("href");
  const drawn = curves.map(({ name, ...curve }) => drawnCurve(unpacked({ name: said(name), ...curve })));
  const head = [made("h3", {}, [said(title)]), made("p", {}, [made("a", { href }, [key])])];
  return made("article", {}, [...head, ...drawn, ...parts]);
}

/** Return the records of an element: a line, a link of a list, or a record's own line. It names them by position. */
function recordsOf(element, records) {
  if (element.id.startsWith("record-")) return recordsOf(element.querySelector("a"), records);
  const places = element.dataset.records ?? (element.id || element.hash.slice(1)).slice(1);
  return places.split(" ").map((place) => records[place]);
}

/** Let a click on a line, on its name or on a key open the records behind it. */
function startRecords(dialog, data) {
  for (const element of document.querySelectorAll("tr[data-records] > th, li[data-records] > strong"))
    buttonAround([element.firstChild], element);
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".keys a, [id^='record-'] > th > a");
    if (!link && event.target.closest("a, dialog, thead, summary")) return;
    const line = link ?? event.target.closest("[data-records], [id^='record-']");
    if (!line || (!link && !getSelection().isCollapsed)) return;
    event.preventDefault();
    const found = recordsOf(line, data.records);
    dialog.querySelector("div").replaceChildren(...found.map((record) => shownRecord(record, data)));
    document.getElementById("opened-title").textContent = found.length > 1 ? `${found.length} records` : "Record";
    dialog.showModal();
    dialog.scrollTop = 0;
  });
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
}

/** Fold long parts of the page and unfold them for printing; on a narrow page, fold the filters and the contents, too. */
function startFolds() {
  const folds = [...document.querySelectorAll("details.fold")];
  const narrow = matchMedia("(max-width: 60rem)");
  const fit = () => ["choice", "folded"].forEach((id) => (document.getElementById(id).open = !narrow.matches));
  const set = (isOpen) => folds.forEach((fold) => (fold.open = isOpen));
  set(false);
  fit();
  narrow.addEventListener("change", fit);
  addEventListener("beforeprint", () => set(true));
  addEventListener("afterprint", () => set(false));
}

document.addEventListener("DOMContentLoaded", () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  for (const line of document.querySelectorAll("[data-of]")) Object.assign(line.dataset, data.abouts[line.dataset.of]);
  for (const table of document.querySelectorAll("table")) makeSortable(table);
  startTheme(document.getElementById("theme"));
  startFolds();
  startTips(document.getElementById("tip"));
  startRecords(document.getElementById("opened"), data);
  startChoice(document.getElementById("controls"), data);
  document.getElementById("choice").hidden = false;
});
