"""Models from files outside: what is their code, what they import, and what is refused."""

import os
import sys

import pytest

from bench import registry
from bench.registry import imports, source
from bench.spec import BenchError
from bench.store.store import Store

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


def test_a_file_that_ends_the_program_is_an_error_of_its_own(own):
    """A run asks for the settings of a job that died: what ends its file must not end the run."""
    own.write_text(f"{OWN}\nimport sys\nsys.exit(0)\n")
    card, _ = registry.find(f"{own}:Mine")
    with pytest.raises(BenchError, match=r"own\.py ends the program when it is imported; put what ends it under"):
        registry.load(card)


@pytest.mark.parametrize(
    ("helper", "why"),
    [("", r"\(ImportError: cannot import name 'x' from 'mine_broken'"), ("1 / 0", r"\(ZeroDivisionError: division")],
)
def test_a_file_that_cannot_be_imported_is_one_line(own, monkeypatch, helper, why):
    """The line is that of the model's own file, also where the error is in a file that it imports."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (own.parent / "mine_broken.py").write_text(helper)
    own.write_text(f"import mine_broken\nfrom mine_broken import x\n{OWN}")
    line = 1 if helper else 2
    with pytest.raises(BenchError, match=rf"own\.py, line {line}: the file cannot be imported {why}"):
        registry.load(registry.find(f"{own}:Mine")[0])


def test_what_a_model_outside_imports_is_its_code(own, monkeypatch):
    """Its own helpers, theirs, and a model of ours that it derives from; it finds them wherever the program starts."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (own.parent / "mine_helper.py").write_text("from mine_other import SIZE\n")
    (own.parent / "mine_other.py").write_text("SIZE = 8\n")
    (own.parent / "unused.py").write_text("")
    own.write_text(OWN.replace("from baselines", "import mine_helper\nfrom baselines"))
    (card,) = source.read_cards(own, "own")
    whole = imports.with_imports(card, own)
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


def test_what_a_model_outside_imports_from_a_project_s_folder_is_its_code(tmp_path, monkeypatch):
    """As of a file in a folder of a project, in whose root the program starts; what is installed is no such code."""
    (tmp_path / "mods").mkdir()
    file = tmp_path / "mods" / "own.py"
    file.write_text(OWN.replace("from baselines", "import numpy\nimport json\nimport project_util\nfrom baselines"))
    (tmp_path / "project_util.py").write_text("FACTOR = 1\n")
    monkeypatch.setattr(registry, "outside", {})
    monkeypatch.syspath_prepend(tmp_path)
    before = registry.find(f"{file}:Mine")[0]
    bprmf = (registry.HOME / "baselines/bprmf.py").read_text()
    assert sorted(before.code) == sorted([file.read_text(), "FACTOR = 1\n", bprmf])
    assert before.beside == ()
    (tmp_path / "project_util.py").write_text("FACTOR = 100\n")
    assert registry.find(f"{file}:Mine")[0].source != before.source


def test_which_of_two_modules_of_one_name_comes_first_changes_the_code(own, tmp_path, monkeypatch):
    """As of two versions of a project, of which the order of the folders in PYTHONPATH chooses one."""
    folders = [tmp_path / name for name in ("new", "old")]
    for factor, folder in enumerate(folders):
        folder.mkdir()
        (folder / "project_part.py").write_text(f"FACTOR = {factor}\n")
    own.write_text("import project_part\n" + OWN)
    found = []
    for order in (folders, folders[::-1], folders):
        monkeypatch.setattr(sys, "path", [*map(str, order), *sys.path])
        found.append(registry.find(f"{own}:Mine")[0].source)
    assert found[0] == found[2] != found[1]


def test_all_models_are_those_that_stand_whatever_was_asked_for_before(own):
    before = [card.name for card, _ in registry.select(None)]
    assert registry.find(f"{own}:Mine")[0].name == "Mine"
    assert [card.name for card, _ in registry.select(None)] == before


def test_models_outside_with_helpers_of_one_name_have_each_their_own(own, tmp_path):
    """Each beside its own file, in one process, whichever was loaded first; the path of modules stays as it was."""
    path = list(sys.path)
    texts = [write_helped(tmp_path / name.lower(), name, size) for name, size in (("Ada", 2), ("Bob", 3))]
    sizes = [registry.load(registry.find(text)[0]).Hyper().embedding_size for text in texts]
    assert (sizes, sys.path) == ([4, 6], path)
    (tmp_path / "ada" / "later.py").write_text("SIZE = 5\n")
    assert registry.load(registry.find(texts[0])[0]).Hyper().embedding_size == 7


def test_code_of_the_same_size_and_second_is_the_new_one(own, monkeypatch):
    """Python's cache of compiled files would take the file and its helper for unchanged."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    helper, sizes = own.parent / "sized.py", []
    for own_size, size in ((1, 2), (1, 3), (4, 3)):
        helper.write_text(f"SIZE = {size}\n")
        own.write_text(
            OWN.replace("from dataclasses", "import sized\nfrom dataclasses").replace("8", f"{own_size} + sized.SIZE")
        )
        for file in (helper, own):
            os.utime(file, (1e9, 1e9))
        sizes.append(registry.load(registry.find(f"{own}:Mine")[0]).Hyper().embedding_size)
    assert sizes == [3, 4, 7]


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
    whole = imports.with_imports(card, tmp_path / "pk/mine.py")
    assert (whole.code[1:], whole.beside) == (("", "x = 2"), ("other",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nowhere.py:Mine", "is not there; a model from outside is given as path/to/file.py:Class"),
        ("{}", "give the class too: .*own.py:Mine"),
        ("{}:Mnie", "unknown model in .*; did you mean Mine?"),
        ("{}:Mine:wild", "unknown preset of Mine 'wild'; did you mean wide?"),
    ],
)
def test_a_wrong_name_outside_is_one_line(own, text, said):
    with pytest.raises(BenchError, match=said.replace("?", r"\?")):
        registry.find(text.format(own))


@pytest.mark.parametrize("text", ["x", "MCLN:itemwise", "own.pyc:Mine"])
def test_a_text_without_a_file_is_named_as_it_was_given(text):
    said = f"^'{text}' names no file; a model from outside is given as path/to/file.py:Class$"
    with pytest.raises(BenchError, match=said):
        registry.from_outside(text)


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("class Mine:\n    pass\n", "Mine", "class Mine in .*own.py has no Hyper"),
        ("class Mine:\n    pass\n", "", "own.py has no model, which is a class with a Hyper"),
        ("x = 1\n", "Mine", "own.py has no model, which is a class with a Hyper"),
    ],
)
def test_a_class_without_settings_is_no_model(own, text, name, said):
    own.write_text(text)
    with pytest.raises(BenchError, match=said):
        registry.find(f"{own}:{name}")


def test_a_model_from_outside_does_not_take_a_name(own):
    own.write_text(OWN.replace("Mine", "lightGCN"))
    with pytest.raises(BenchError, match="baselines.lightgcn already has a model named LightGCN; rename"):
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
    (record,) = (r for r in Store(tmp_path / "results").records() if r.job.model == "Mine")
    Store(tmp_path / "results").write(record.model_copy(update={"facts": {**record.facts, "tuning.trials": 2}}))
    assert call("--report", "--ours", "Mine (tuned)")[0] == 0  # as tables call it


def test_a_model_outside_may_lie_beside_our_packages(tmp_path, monkeypatch):
    """In a checkout, a file of the root finds ``bench`` beside it, too, whose code counts by its engine's number."""
    for name, text in (("bench/nn.py", "1"), ("helper.py", "2"), ("baselines/one.py", "import helper as three")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    mine = tmp_path / "mine.py"
    mine.write_text("import helper, bench.nn, baselines.one\n\n\nclass M:\n    class Hyper:\n        pass\n")
    (card,) = source.read_cards(mine, "mine")
    monkeypatch.setattr(imports, "HOME", tmp_path)
    assert imports.with_imports(card, mine).code == (mine.read_text(), "import helper as three", "2")


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
