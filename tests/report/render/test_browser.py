"""The page in a browser and its script in a JavaScript engine, where the machine has them."""

import html as entities
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.report.render.html import PLACE, SCRIPTS, html
from bench.report.sections import comparison
from bench.report.terms import TERMS
from tests.report.made import drawn, evidence, many

NAMES = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome", "chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
PROBE = Path(__file__).with_name("probe.js")
CATCH = """<script>errors = [];
for (const kind of ["error", "unhandledrejection", "securitypolicyviolation"])
  addEventListener(kind, (event) => errors.push(event.message || event.violatedDirective || kind));</script>"""


@pytest.fixture(scope="module")
def probed(tmp_path_factory):
    """What the probe saw, and what the browser had to say."""
    folder = tmp_path_factory.mktemp("page")
    made = evidence(*many(), folder=folder)
    found = comparison.pages(made)
    page = html(found, made, folder=folder, files=drawn(found))
    page = page.replace("<title>", f"{CATCH}<title>").replace("</body>", f"<script>{PROBE.read_text()}</script></body>")
    (folder / "report.html").write_text(page, encoding="utf-8")
    run = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--window-size=1200,900",
         "--virtual-time-budget=3000", f"--user-data-dir={folder / 'profile'}", "--dump-dom",
         (folder / "report.html").as_uri()],
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    (found,) = re.findall(r'<pre id="probe">(.*?)</pre>', run.stdout)
    return json.loads(entities.unescape(found)), run.stderr


@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on PATH")
class TestBrowser:
    def test_it_is_silent_and_asks_nobody(self, probed):
        seen, said = probed
        assert seen["errors"] == []
        assert seen["loads"] == []
        assert "CONSOLE" not in said

    def test_a_head_sorts_both_ways_and_back(self, probed):
        seen, _ = probed
        down, up, back = seen["numbers"]
        assert down[:6] == ["descending", 1, "MCLN †", "VBPR", "LightGCN", "BPRMF ([x]=*)"]
        assert up[:6] == ["ascending", 1, "BPRMF", "BPRMF ([x]=*)", "LightGCN", "VBPR"]
        assert set(down[7:]) == set(up[7:]) == set(seen["asMade"]) - {*down[2:7]}  # the empty ones last
        assert back == [None, 0, *seen["asMade"]]
        assert "%Imp." not in seen["asMade"]

    def test_names_sort_as_text_and_a_key_reaches_the_head(self, probed):
        seen, _ = probed
        up, down = seen["names"]
        assert up[:4] == ["ascending", 1, "BPRMF", "BPRMF ([x]=*)"]
        assert down[2:] == up[2:][::-1]
        assert seen["focused"]

    def test_at_first_the_answer_s_choice_is_shown_and_every_verdict(self, probed):
        first = probed[0]["first"]
        assert first["said"] == "protocol paper, budget best of each, ranking sampled"
        assert first["address"] == ""
        assert first["articles"] == ["table2-paper-smoke-sampled", "table1", "records"]

    def test_a_head_explains_itself_where_a_key_reaches_it(self, probed):
        seen, _ = probed
        assert seen["tip"] == [False, TERMS["H@5"], "tip"]
        assert seen["tipGone"] == [True, None]

    def test_a_cell_opens_its_records(self, probed):
        seen, _ = probed
        assert seen["opened"] == [True, "2 records", "LightGCN, Beauty (entities)"]
        assert seen["drawn"] == 0  # a run of one epoch has no curve

    def test_filters_leave_what_was_chosen_and_the_address_says_it(self, probed):
        seen, _ = probed
        assert seen["blocks"] == ["Art (entities)", "Cost"]
        assert seen["lines"] == ["Art"]
        assert seen["columns"][:5] == ["Model", "N@5", "paper", "diff.", "independent run"]
        assert not {"H@5", "H@10", "N@10"} & set(seen["columns"])
        assert seen["cells"] == 5
        assert {"BPRMF", "MCLN †"} <= set(seen["rows"])
        assert "VBPR" not in seen["rows"]
        chosen = "protocol=paper&budget=*best&ranking=sampled&metric=N%405&without=VBPR"
        assert seen["address"] == f"?dataset=art&features=&{chosen}"

    def test_a_choice_of_which_there_is_nothing_shows_all_data_sets_again(self, probed):
        adapted = probed[0]["adapted"]
        assert adapted["said"] == "protocol clean, budget best of each, ranking sampled, N@5, 1 model hidden"
        assert adapted["articles"] == ["table2-clean-quick-sampled", "table1", "records"]
        assert adapted["contents"] == 3

    def test_everything_and_what_was_at_first_are_a_button_away(self, probed):
        seen, _ = probed
        everything = seen["everything"]
        assert everything["said"] == "everything"
        assert everything["articles"] == everything["all"] == 6
        assert seen["afterReset"]

    def test_what_the_address_points_at_is_shown(self, probed):
        assert probed[0]["revealed"] == ["table2-clean-quick-full", "table1", "records"]

    def test_the_theme_turns_over_and_only_tables_scroll(self, probed):
        seen, _ = probed
        first, turned, back = seen["themes"]
        assert first == back != turned
        assert not seen["isWide"]


NODE_CASES = """
const possible = [
  { dataset: ["art"], protocol: ["paper"], budget: ["smoke", "*best"] },
  { dataset: ["toy"], protocol: ["clean"], budget: ["quick", "*best"] },
];
const cell = (text) => ({ firstChild: text === "" ? null : { textContent: text } });
const text = (row) => row.cells[0].firstChild?.textContent ?? "";
const order = (texts, isNumber, direction) =>
  sorted(texts.map((text) => ({ cells: [cell(text)] })), 0, isNumber, direction).map(text);
console.log(JSON.stringify([
  order(["1,000", "—", "0.5 ± 0.9", "+50.00", "-3", "<0.001", ""], true, 1),
  order(["0.5", "—", "0.7", "0.6"], true, -1),
  order(["MCLN 10", "bm3", "MCLN 9", "", "BPRMF"], false, 1),
  matches({ dataset: "art beauty" }, { dataset: "art", metric: "" }),
  matches({ dataset: "beauty-sim" }, { dataset: "beauty" }),
  matches({}, { dataset: "art" }),
  matches({ dataset: "art", protocol: "paper" }, { dataset: "art", protocol: "clean" }),
  matches({ model: "VBPR" }, { dataset: "art" }, ["VBPR"]),
  adapted({ dataset: "", protocol: "paper", budget: "*best" }, "protocol", possible),
  adapted({ dataset: "toy", protocol: "paper", budget: "*best" }, "protocol", possible),
  adapted({ dataset: "toy", protocol: "paper", budget: "*best" }, "dataset", possible),
  adapted({ dataset: "", protocol: "paper", budget: "quick" }, "budget", possible),
  adapted({ protocol: "other", budget: "quick" }, "protocol", possible),
  fromAddress("?protocol=clean&without=A+B%2520C", ["protocol", "budget", "metric"], { budget: "*best" }),
  toAddress({ chosen: { protocol: "clean", metric: "" }, without: ["A", "B%20C"] }),
  toAddress({ chosen: { protocol: "clean" }, without: [] }),
  placed({ x: [5, 10, 15], y: [0.1, 0.3, 0.2] }, { width: 100, height: 50, left: 10, right: 0, top: 5, bottom: 5 }),
  placed({ x: [1, 2], y: [0.1, 0.1] }, { width: 100, height: 50, left: 0, right: 0, top: 0, bottom: 0 }),
  unpacked({ name: "N", first: 5, step: 10, low: 0.4, high: 0.8, y: "0077zz", best: 15 }),
  unpacked({ x: [1, 2, 4], low: 0.4, high: 0.4, y: "000000" }),
  recordsOf({ id: "", dataset: { records: "2 0" } }, ["a", "b", "c"]),
  recordsOf({ id: "", hash: "#r1", dataset: {} }, ["a", "b", "c"]),
  recordsOf({ id: "record-b", querySelector: () => ({ id: "r1", dataset: {} }) }, ["a", "b", "c"]),
]));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js on PATH")
def test_the_scripts_sort_match_adapt_and_place():
    scripts = "\n".join((PLACE / name).read_text() for name in SCRIPTS)
    script = f"globalThis.document = {{ addEventListener() {{}} }};\n{scripts}{NODE_CASES}"
    run = subprocess.run(["node", "-"], input=script, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(run.stdout) == [
        ["-3", "<0.001", "0.5 ± 0.9", "+50.00", "1,000", "—", ""],
        ["0.7", "0.6", "0.5", "—"],
        ["bm3", "BPRMF", "MCLN 9", "MCLN 10", ""],
        *[True, False, True, False, False],
        {"dataset": "", "protocol": "paper", "budget": "*best"},
        {"dataset": "", "protocol": "paper", "budget": "*best"},
        {"dataset": "toy", "protocol": "clean", "budget": "*best"},
        {"dataset": "", "protocol": "clean", "budget": "quick"},
        {"protocol": "other", "budget": "quick"},
        {"chosen": {"protocol": "clean", "budget": "*best", "metric": ""}, "without": ["A", "B%20C"]},
        "?protocol=clean&metric=&without=A+B%2520C",
        "?protocol=clean",
        [[10, 45], [55, 5], [100, 25]],
        [[0, 50], [100, 50]],
        {"name": "N", "low": 0.4, "high": 0.8, "y": [0, 0.2, 1], "best": 15, "x": [5, 15, 25]},
        {"x": [1, 2, 4], "low": 0.4, "high": 0.4, "y": [0, 0, 0]},
        ["c", "a"],
        ["b"],
        ["b"],
    ]
