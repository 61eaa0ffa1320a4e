// Runs in the page once it is loaded: does what a reader does, and leaves what came of it in the page.
addEventListener("load", () => {
  const out = {};
  const one = (selector) => document.querySelector(selector);
  const shown = (selector) => [...document.querySelectorAll(selector)].filter((e) => e.getClientRects().length);
  const articles = () => shown("article[id]").map((e) => e.id);
  const choose = (name, value) => {
    const select = one(`select[name="${name}"]`);
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const said = () => one("#shown").textContent;
  out.first = { said: said(), address: location.search, articles: articles() };
  out.verdicts = shown(".cards li").map((e) => [e.querySelector("strong").textContent, e.classList.contains("other")]);

  const table = one("#table2-paper-smoke-sampled table");
  const rows = () => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent);
  const sort = (place) => {
    const head = table.tHead.rows[0].cells[place];
    head.querySelector("button").click();
    return [head.getAttribute("aria-sort"), table.querySelectorAll("[aria-sort]").length, ...rows()];
  };
  out.asMade = rows();
  out.numbers = [sort(1), sort(1), sort(1)];
  out.names = [sort(0), sort(0)];
  const button = table.tHead.rows[0].cells[1].querySelector("button");
  button.focus();
  out.focused = document.activeElement === button;
  out.tip = [one("#tip").hidden, one("#tip").textContent, button.getAttribute("aria-describedby")];
  document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
  out.tipGone = [one("#tip").hidden, button.getAttribute("aria-describedby")];

  const line = [...table.tBodies[0].rows].find((row) => row.cells[0].textContent === "LightGCN");
  line.cells[1].click();
  out.opened = [one("#opened").open, one("#opened-title").textContent, one("#opened h3").textContent];
  out.drawn = document.querySelectorAll("#opened polyline").length;
  one("#opened").close();

  choose("dataset", "art");
  out.blocks = shown("#table2-paper-smoke-sampled .scroll").map((e) => e.querySelector("caption").textContent);
  out.lines = shown("#table1 tbody tr").map((row) => row.cells[0].textContent);
  choose("metric", "N@5");
  out.columns = shown("#table2-paper-smoke-sampled table:first-of-type th[scope=col]").map((e) => e.textContent);
  out.cells = shown("#table2-paper-smoke-sampled .scroll:not([hidden]) tbody tr:first-child > *").length;
  const box = one('input[value="VBPR"]');
  box.click();
  out.rows = shown("#table2-paper-smoke-sampled .scroll:not([hidden]) tbody tr").map((row) => row.cells[0].textContent);
  out.address = location.search;
  choose("protocol", "clean");
  out.adapted = { said: said(), articles: articles(), contents: shown("nav li li").map((e) => e.textContent.trim()).length };
  one("#everything").click();
  out.everything = { said: said(), articles: articles().length, all: document.querySelectorAll("main article").length };
  one("button[type=reset]").click();
  out.afterReset = JSON.stringify(articles()) === JSON.stringify(out.first.articles) && said() === out.first.said;

  const theme = () => getComputedStyle(document.body).backgroundColor;
  out.themes = [theme()];
  for (let n = 0; n < 2; n += 1) {
    one("#theme").click();
    out.themes.push(theme());
  }
  out.isWide = document.documentElement.scrollWidth > innerWidth;
  location.hash = "#table2-clean-quick-full";
  setTimeout(() => {
    out.revealed = articles();
    out.loads = performance.getEntriesByType("resource").map((entry) => entry.name);
    out.errors = window.errors;
    const place = document.createElement("pre");
    place.id = "probe";
    place.textContent = JSON.stringify(out);
    document.body.append(place);
  }, 50);
});
