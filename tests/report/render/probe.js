// Runs in the page once it is loaded: does what a reader does, and leaves what came of it in the page.
addEventListener("load", () => {
  const out = {};
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((e) => e.getClientRects().length);
  const choose = (name, value) => {
    const select = document.querySelector(`select[name="${name}"]`);
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const all = shown("main > section").map((e) => e.id);

  const table = document.querySelector("#table2-paper-smoke-sampled table");
  const rows = () => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
  const sort = (place) => {
    const head = table.tHead.rows[0].cells[place];
    head.querySelector("button").click();
    return [head.getAttribute("aria-sort"), table.querySelectorAll("[aria-sort]").length, ...rows()];
  };
  out.asMade = rows();
  out.numbers = [sort(1), sort(1), sort(1)];
  out.names = [sort(0), sort(0)];
  const button = table.querySelector("button");
  button.focus();
  out.focused = document.activeElement === button;

  choose("dataset", "art");
  out.blocks = shown("#table2-paper-smoke-sampled .scroll").map((e) => e.querySelector("caption").textContent);
  out.lines = shown("#table1 tbody tr").map((row) => row.cells[0].textContent);
  choose("dataset", "");
  choose("metric", "N@5");
  out.columns = shown("#table2-paper-smoke-sampled table:first-of-type th[scope=col]").map((e) => e.textContent);
  choose("protocol", "clean");
  out.sections = shown("main > section").map((e) => e.id);
  out.contents = shown("nav li").length;
  out.status = document.getElementById("shown").textContent;
  document.querySelector("button[type=reset]").click();

  const theme = () => getComputedStyle(document.body).backgroundColor;
  out.themes = [theme()];
  for (let n = 0; n < 2; n += 1) {
    document.getElementById("theme").click();
    out.themes.push(theme());
  }
  out.isWide = document.documentElement.scrollWidth > innerWidth;
  setTimeout(() => {
    out.afterReset = shown("main > section").length === all.length && shown("nav li").length === all.length;
    out.loads = performance.getEntriesByType("resource").map((entry) => entry.name);
    out.errors = window.errors;
    const place = document.createElement("pre");
    place.id = "probe";
    place.textContent = JSON.stringify(out);
    document.body.append(place);
  }, 50);
});
