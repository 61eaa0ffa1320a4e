"""The page in a browser and its script in a JavaScript engine, where the machine has them."""

import html as entities
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.report.render.html import PLACE, html
from bench.report.sections import comparison
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


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on PATH")
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

    def test_filters_leave_what_was_chosen(self, probed):
        seen, _ = probed
        assert seen["blocks"] == [
            "Art (entities)",
            "Cost",
        ]
        assert seen["lines"] == ["Art"]
        assert seen["columns"][:4] == ["Model", "N@5", "paper", "diff."]
        assert not {"H@5", "H@10", "N@10"} & set(seen["columns"])
        clean = ["table2-clean-quick-sampled", "table2-clean-quick-full"]
        assert seen["sections"] == ["table1", *clean, "records"]
        assert seen["contents"] == 4
        assert seen["status"] == "4 of 6 sections shown"
        assert seen["afterReset"]

    def test_the_theme_turns_over_and_only_tables_scroll(self, probed):
        seen, _ = probed
        first, turned, back = seen["themes"]
        assert first == back != turned
        assert not seen["isWide"]


NODE_CASES = """
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
]));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on PATH")
def test_the_script_sorts_and_matches():
    script = "globalThis.document = { addEventListener() {} };\n" + (PLACE / "report.js").read_text() + NODE_CASES
    run = subprocess.run(["node", "-"], input=script, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(run.stdout) == [
        ["-3", "<0.001", "0.5 ± 0.9", "+50.00", "1,000", "—", ""],
        ["0.7", "0.6", "0.5", "—"],
        ["bm3", "BPRMF", "MCLN 9", "MCLN 10", ""],
        True,
        False,
        True,
        False,
    ]
