"""What a model's file declares, read without importing it."""

import ast
import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench import registry
from bench.registry import source
from bench.spec import CAUSAL_MODELS, NEWER_MODELS, PAPER_MODELS, BenchError
from models import causal_mmrec


def test_cards_come_in_the_papers_order():
    assert tuple(registry.cards())[: len(PAPER_MODELS)] == PAPER_MODELS


def names(*texts: str) -> list[str]:
    return [card.name if preset == "default" else f"{card.name}:{preset}" for card, preset in registry.select(texts)]


def test_groups_stand_for_their_models():
    assert names("paper") == list(PAPER_MODELS)
    assert names("newer") == list(NEWER_MODELS)
    assert names("causal") == list(CAUSAL_MODELS)
    assert names("floors") == ["EASE", "ItemKNN", "Pop"]
    everything = [*names("paper"), *names("newer"), "CausalMMRec"]
    assert sorted(names("all")) == sorted(everything)
    assert names() == names("all")


def test_groups_stand_beside_names_in_the_order_asked_for_and_case_does_not_matter():
    assert names("MCLN:itemwise", "Causal", "pop") == ["MCLN:itemwise", *CAUSAL_MODELS, "Pop"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("papr", "did you mean paper?"),
        ("newr", "did you mean newer?"),
        ("causl", "or causal?"),
        ("BM4", "did you mean BM3?"),
        ("newer:released", "'newer:released': newer stands for many models and has no presets; name one model"),
    ],
)
def test_a_word_that_is_no_model_or_group_is_answered(text, said):
    with pytest.raises(BenchError, match=re.escape(said)):
        registry.select([text])


def test_planning_imports_no_torch():
    plan = "from bench.run import plan; plan.jobs(plan.Request(datasets=['ml-100k']))"
    code = f"import sys; {plan}; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_comments_and_docstrings_do_not_change_the_revision():
    plain = "class A:\n    x = 1\n\n\ndef f():\n    pass\n"
    worded = (
        '"""What it is."""\n# why\nclass A:\n    """More."""\n    x = 1  # one\ndef f():\n    """Why."""\n    pass\n'
    )
    assert source.revision([ast.parse(plain)]) == source.revision([ast.parse(worded)])
    assert source.revision([ast.parse(plain)]) != source.revision([ast.parse(plain.replace("1", "2"))])


def test_the_revision_is_the_same_under_every_python():
    """Newer versions of Python have fields in their syntax trees that older ones lack."""
    body = "        return f'{a!r:>{x}} {{}}' + b'1'.decode()\n"
    code = f"class A(B, k=1):\n    def f(self, *a: int, x=None) -> str:\n{body}"
    assert source.revision([ast.parse(code)]) == "042cc87ef622"


@pytest.mark.parametrize("file", sorted(path.name for path in Path(causal_mmrec.__path__[0]).glob("*.py")))
def test_a_constant_in_any_file_of_a_package_changes_the_source(file, tmp_path):
    package = shutil.copytree(causal_mmrec.__path__[0], tmp_path / "causal_mmrec")
    [before] = source.read_cards(package, "models.causal_mmrec")
    with (package / file).open("a") as handle:
        handle.write("\nCONSTANT = 1\n")
    [after] = source.read_cards(package, "models.causal_mmrec")
    assert (before.name, before.module) == ("CausalMMRec", "models.causal_mmrec.model")
    assert before.source == registry.cards()["CausalMMRec"].source != after.source


@pytest.mark.parametrize(
    ("model", "setting", "value"),
    [
        ("BPRMF", "embedding_size", 0),
        ("BPRMF", "embedding_size", True),
        ("BPRMF", "reg_weight", True),
        ("BPRMF", "learning_rate", float("nan")),
        ("BPRMF", "learning_rate", 0.0),
        ("BPRMF", "train_batch_size", -1),
        ("BPRMF", "reg_weight", -1e-3),
        ("LightGCN", "n_layers", -1),
        ("NGCF", "layer_sizes", [64, 0]),
        ("NGCF", "message_dropout", 1.0),
        ("MCLN", "lambda_m", float("inf")),
        ("InvRL", "rounds", 0),
    ],
)
def test_a_setting_out_of_its_bounds_is_refused(model, setting, value):
    card, preset = registry.find(model)
    values = registry.settings(card, preset, dataset="", hyper={setting: value})
    with pytest.raises(BenchError, match=f"setting {setting}"):
        registry.check(card, values)


def test_a_models_own_sampler_holds_in_every_preset():
    """The sampler decides the low rows of a comparison, so each model trains with its authors' own."""
    users = {"NGCF", "LightGCN", "MCLN", "MEGCF", "MGCL", "MACR"}
    for card in registry.cards().values():
        for preset in card.presets:
            values = registry.settings(card, preset, dataset="beauty", hyper={})
            assert values["sampling"] == ("user" if card.name in users else "interaction"), (card.name, preset)


def test_a_file_that_does_not_parse_is_named(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("class A(:\n")
    with pytest.raises(BenchError, match=r"broken.py:1"):
        source.read_cards(path, "broken")


def test_presets_that_are_not_literal_are_named(tmp_path):
    path = tmp_path / "model.py"
    path.write_text("class A:\n    presets = dict(x=1)\n    class Hyper:\n        pass\n")
    with pytest.raises(BenchError, match=r"model.py:2: training, presets and per_dataset"):
        source.read_cards(path, "model")


def test_settings_later_ones_win():
    card, _ = registry.find("lightgcn")
    values = registry.settings(card, "default", dataset="", hyper={"n_layers": 5, "learning_rate": 0.01})
    assert (values["n_layers"], values["learning_rate"], values["train_batch_size"]) == (5, 0.01, 2048)


def test_settings_of_a_data_set_reach_its_simulation():
    card, _ = registry.find("MCLN")
    assert registry.settings(card, "default", dataset="taobao-sim", hyper={})["alpha"] == 0.2
    assert registry.settings(card, "default", dataset="beauty", hyper={})["alpha"] == 0.1


def test_a_preset_s_setting_stands_before_that_of_the_data_set(monkeypatch):
    card, _ = registry.find("MCLN")
    own = dataclasses.replace(card, presets={"default": {}, "own": {"alpha": 0.7}})
    assert [registry.settings(own, name, dataset="taobao", hyper={})["alpha"] for name in own.presets] == [0.2, 0.7]


def test_two_classes_of_one_name_are_refused(tmp_path):
    """A copied baseline that kept the name of the original would stand in its place."""
    write_models(tmp_path, one="A", two="A")
    with pytest.raises(BenchError, match=r"two\.py: class A stands in one already, as A; rename it"):
        entered(tmp_path)


def test_names_that_differ_by_case_alone_are_refused(tmp_path):
    """Names are found whatever their case, so that one of the two could not be reached."""
    write_models(tmp_path, one="Mine", two="MINE")
    with pytest.raises(BenchError, match=r"two\.py: class MINE stands in one already, as Mine; rename it"):
        entered(tmp_path)


def write_models(folder, **names):
    for file, name in names.items():
        (folder / f"{file}.py").write_text(f"class {name}:\n    class Hyper:\n        x = 1\n")


def entered(folder):
    found = {}
    for path in sorted(folder.glob("*.py")):
        registry.enter(found, source.read_cards(path, path.stem), path)
    return found


OWN = """
from dataclasses import dataclass

from baselines.bprmf import BPRMF


class Mine(BPRMF):
    presets = {"wide": {"embedding_size": 16}}

    @dataclass(frozen=True, kw_only=True)
    class Hyper(BPRMF.Hyper):
        embedding_size: int = 8
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "outside", {})
    (tmp_path / "own.py").write_text(OWN)
    return tmp_path / "own.py"


def test_a_model_from_a_file_outside(own):
    card, preset = registry.find(f"{own}:Mine:wide")
    assert (card.name, preset, card.file) == ("Mine", "wide", str(own))
    assert registry.find("mine")[0] is card  # from now on by its name alone
    assert list(registry.cards())[-1] == "Mine"
    assert registry.settings(card, "wide", dataset="", hyper={})["embedding_size"] == 16
    assert registry.load(card) is registry.load(card)


def test_what_a_model_outside_imports_is_its_code(own, monkeypatch):
    """Its own helpers, theirs, and a model of ours that it derives from; it finds them wherever the program starts."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (own.parent / "mine_helper.py").write_text("from mine_other import SIZE\n")
    (own.parent / "mine_other.py").write_text("SIZE = 8\n")
    (own.parent / "unused.py").write_text("")
    own.write_text(OWN.replace("from baselines", "import mine_helper\nfrom baselines"))
    (card,) = source.read_cards(own, "own")
    whole = source.with_imports(card, own, registry.HOME)
    bprmf = (registry.HOME / "baselines/bprmf.py").read_text()
    assert sorted(whole.code) == sorted([own.read_text(), "from mine_other import SIZE\n", "SIZE = 8\n", bprmf])
    before = registry.find(f"{own}:Mine")[0]
    assert registry.load(before).Hyper().embedding_size == 8
    (own.parent / "mine_other.py").write_text("SIZE = 9\n")
    assert registry.find(f"{own}:Mine")[0].source != before.source
    (own.parent / "unused.py").write_text("x = 1")
    (own.parent / "mine_other.py").write_text("SIZE = 8\n")
    assert registry.find(f"{own}:Mine")[0].source == before.source


HELPED = "import helper\n" + OWN.replace("= 8", "= helper.size()").replace("Mine", "{name}")


def write_helped(folder, name, size):
    folder.mkdir()
    (folder / "helper.py").write_text(f"def size():\n    from later import SIZE\n\n    return {size} + SIZE\n")
    (folder / "later.py").write_text(f"SIZE = {size}\n")
    (folder / "m.py").write_text(HELPED.replace("{name}", name))
    return f"{folder / 'm.py'}:{name}"


def test_models_outside_with_helpers_of_one_name_have_each_their_own(own, tmp_path):
    """Each beside its own file, in one process, whichever was loaded first; the path of modules stays as it was."""
    path = list(sys.path)
    texts = [write_helped(tmp_path / name.lower(), name, size) for name, size in (("Ada", 2), ("Bob", 3))]
    sizes = [registry.load(registry.find(text)[0]).Hyper().embedding_size for text in texts]
    assert (sizes, sys.path) == ([4, 6], path)
    (tmp_path / "ada" / "later.py").write_text("SIZE = 5\n")
    assert registry.load(registry.find(texts[0])[0]).Hyper().embedding_size == 7


def test_the_parts_of_helper_packages_are_each_model_s_own(own, tmp_path):
    sizes = []
    for name, size in (("Eve", 2), ("Fay", 3)):
        folder = tmp_path / name.lower()
        (folder / "kit").mkdir(parents=True)
        (folder / "kit" / "__init__.py").write_text("")
        (folder / "kit" / "part.py").write_text(f"def size():\n    return {size}\n")
        (folder / "m.py").write_text(
            HELPED.replace("{name}", name).replace("import helper", "from kit import part as helper")
        )
        sizes.append(registry.load(registry.find(f"{folder / 'm.py'}:{name}")[0]).Hyper().embedding_size)
    assert sizes == [2, 3]


def test_a_helper_with_the_name_of_a_module_in_use_is_refused(own, tmp_path, monkeypatch):
    text = write_helped(tmp_path / "ada", "Ada", 9)
    monkeypatch.setitem(sys.modules, "helper", sys.modules["bench.spec"])
    with pytest.raises(BenchError, match=r"imports helper from beside it, and a .* in use \(.*spec.py\); rename"):
        registry.load(registry.find(text)[0])


def test_helpers_hidden_by_our_names_or_by_pythons_are_refused_before_anything_runs(own, tmp_path):
    own.write_text("from models.helper import scale\n" + OWN)
    with pytest.raises(BenchError, match=r"own.py:1: baselines and models are packages of .* no models.helper; rename"):
        registry.find(f"{own}:Mine")
    own.write_text("import random\n" + OWN)
    assert registry.find(f"{own}:Mine")[0].beside == ()
    (tmp_path / "random.py").write_text("")
    with pytest.raises(BenchError, match="imports random, which is Python's own, and also lies beside it; rename"):
        registry.find(f"{own}:Mine")


@pytest.mark.parametrize(
    ("start", "files"),
    [
        ("from lib.net import x", {"lib/net.py": "from lib.util import y", "lib/util.py": "y = 1"}),
        (
            "import pk.sub.mod",
            {
                "pk/sub/mod.py": "from ..util import y",
                "pk/util.py": "y = 1",
                "pk/__init__.py": "",
                "pk/sub/__init__.py": "",
            },
        ),
        ("import pk", {"pk/__init__.py": "from . import util", "pk/util.py": "y = 1"}),
        ("import one", {"one.py": "def f():\n    from two.deep import y", "two/deep.py": "y = 1"}),
    ],
)
def test_every_file_that_python_would_import_is_code_of_a_model_outside(own, start, files):
    for name, text in files.items():
        (own.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (own.parent / name).write_text(text)
    own.write_text(f"{start}\n{OWN}")
    before, _ = registry.find(f"{own}:Mine")
    for name, text in files.items():
        (own.parent / name).write_text(f"{text}\nz = 2")
        assert registry.find(f"{own}:Mine")[0].source != before.source, name
        (own.parent / name).write_text(text)
    assert registry.find(f"{own}:Mine")[0].source == before.source


def test_an_installed_package_does_not_import_by_its_own_folder(tmp_path):
    """``import types`` in a package means Python's, also where the package has a module of that name."""
    (tmp_path / "pk").mkdir()
    for name, text in (("__init__", ""), ("types", "x = 1"), ("other", "x = 2")):
        (tmp_path / f"pk/{name}.py").write_text(text)
    (tmp_path / "pk/mine.py").write_text("import types, pk.other\n\n\nclass M:\n    class Hyper:\n        pass\n")
    (card,) = source.read_cards(tmp_path / "pk/mine.py", "pk.mine")
    whole = source.with_imports(card, tmp_path / "pk/mine.py", registry.HOME)
    assert (whole.code[1:], whole.beside) == (("", "x = 2"), ("other",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nowhere.py:Mine", "is not there; a model from outside is given as path/to/file.py:Class"),
        ("{}", "unknown model in .*own.py ''; known: Mine"),
        ("{}:Mnie", "unknown model in .*; did you mean Mine?"),
        ("{}:Mine:wild", "unknown preset of Mine 'wild'; did you mean wide?"),
    ],
)
def test_a_wrong_name_outside_is_one_line(own, text, said):
    with pytest.raises(BenchError, match=said.replace("?", r"\?")):
        registry.find(text.format(own))


def test_a_model_from_outside_does_not_take_a_name(own):
    own.write_text(OWN.replace("Mine", "lightGCN"))
    with pytest.raises(BenchError, match="class lightGCN stands in baselines.lightgcn already, as LightGCN; rename"):
        registry.find(f"{own}:lightGCN")


def test_a_model_from_outside_trains_beside_ours(own, folder, call, tmp_path):
    flags = ("--datasets", folder, "--budget", "smoke", "--protocols", "clean", "--models", f"{own}:Mine", "BPRMF")
    code, out, err = call(*flags, "--ours", "Mine")
    assert (code, err) == (0, "")
    assert "2 done" in out
    page = (tmp_path / "reports/clean-smoke/table2-full.md").read_text()
    assert "Mine" in page
    registry.outside.clear()  # the file is not named any more
    assert call("--report", "--ours", "Mine")[0] == 0
    assert call("--report", "--ours", "Nobody")[0] == 2


def test_a_model_outside_may_lie_beside_our_packages(tmp_path):
    """In a checkout, a file of the root finds ``bench`` beside it, too, whose code counts by its engine's number."""
    for name, text in (("bench/nn.py", "1"), ("helper.py", "2"), ("baselines/one.py", "import helper as three")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    mine = tmp_path / "mine.py"
    mine.write_text("import helper, bench.nn, baselines.one\n\n\nclass M:\n    class Hyper:\n        pass\n")
    (card,) = source.read_cards(mine, "mine")
    assert source.with_imports(card, mine, tmp_path).code == (mine.read_text(), "import helper as three", "2")


def test_a_change_that_was_taken_back_is_no_row_of_a_report(own, folder, call, tmp_path):
    """Nothing runs then, and the latest record is that of the change."""
    flags = ("--datasets", folder, "--budget", "smoke", "--protocols", "clean", "--models", f"{own}:Mine")
    page = tmp_path / "reports/clean-smoke/table2-full.csv"
    call(*flags)
    first = page.read_text()
    own.write_text(OWN.replace("= 8", "= 9"))
    call(*flags)
    assert page.read_text() != first
    own.write_text(OWN)
    assert "1 job: 0 to run" in call(*flags)[1]
    assert page.read_text() == first
    registry.outside.clear()  # another process
    assert call("--report", "--models", f"{own}:Mine")[0] == 0
    assert page.read_text() == first


@pytest.mark.parametrize("house", registry.HOUSES)
def test_packages_of_the_working_folder_do_not_stand_for_ours(house, tmp_path):
    """A project may have a folder ``models`` of its own."""
    (tmp_path / house).mkdir()
    (tmp_path / house / "__init__.py").write_text("")
    code = "import sys; from bench import registry; print(len(registry.cards()))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(registry.HOME)))}
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == (f"{len(registry.standing_cards())}\n", "")
    code = f"import {house}; from bench import registry; registry.cards()"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert f"BenchError: another package named {house} is imported already" in run.stderr


def test_recbole_missing_is_one_line_with_the_command(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BenchError, match="pip install --no-deps recbole==1.2.1"):
        registry.require_recbole()


def test_only_the_models_that_are_asked_for_are_hashed(monkeypatch):
    """Hashing all of them takes half a second, in the process of every job."""
    hashed = []
    monkeypatch.setattr(source, "revision", lambda trees: hashed.append(True) or "0" * 12)
    registry.standing_cards.cache_clear()
    try:
        card, _ = registry.find("MCLN:paper")
        assert hashed == []
        assert card.source == "0" * 12
    finally:
        registry.standing_cards.cache_clear()
    assert len(hashed) == 1
