"""What a model's file declares, read without importing it."""

import ast
import dataclasses
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint
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
    assert {*names("paper"), *names("newer"), *names("causal")} <= set(names("all"))
    assert set(names("all")) == {name for name, card in registry.cards().items() if not card.is_floor}
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


@pytest.mark.parametrize(
    "text",
    [
        *("presets = dict(x=1)", "presets = ['big']", "presets = {'big': 64}", "presets = {[]: {}}", "presets: dict"),
        *("training = None", "per_dataset = {'beauty': 3}", "is_floor = 'no'"),
    ],
)
def test_declarations_of_another_kind_are_named(tmp_path, text):
    path = tmp_path / "model.py"
    path.write_text(f"class A:\n    {text}\n    class Hyper:\n        pass\n")
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
    with pytest.raises(BenchError, match=r"two\.py: one already has a model named A; rename class A"):
        entered(tmp_path)


@pytest.mark.parametrize("module", ["no_such_module", "no_such_package.models"])
def test_an_entry_point_of_a_package_that_is_gone_is_one_line(monkeypatch, module):
    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint("Mine", f"{module}:Mine", group)])
    registry.standing_cards.cache_clear()
    try:
        with pytest.raises(BenchError, match=f"entry point Mine of mcln_bench.models: no module {module}; install it"):
            registry.standing_cards()
    finally:
        registry.standing_cards.cache_clear()


def test_an_entry_point_names_the_module_that_defines_the_class(monkeypatch, tmp_path):
    """A class that the package only imports has its code elsewhere, where a key would not see a change of it."""
    package = tmp_path / "shelf_of_models"
    package.mkdir()
    write_models(package, mine="Mine")
    (package / "__init__.py").write_text("from shelf_of_models.mine import Mine\n")
    monkeypatch.syspath_prepend(tmp_path)
    for module, found in (("shelf_of_models.mine", True), ("shelf_of_models", False)):
        point = EntryPoint("Mine", f"{module}:Mine", registry.ENTRY_POINTS)
        monkeypatch.setattr(registry, "entry_points", lambda group, point=point: [point])
        registry.standing_cards.cache_clear()
        try:
            if found:
                assert registry.standing_cards()["Mine"].module == module
            else:
                with pytest.raises(BenchError, match=r"shelf_of_models/__init__\.py has no model"):
                    registry.standing_cards()
        finally:
            registry.standing_cards.cache_clear()


def test_names_that_differ_by_case_alone_are_refused(tmp_path):
    """Names are found whatever their case, so that one of the two could not be reached."""
    write_models(tmp_path, one="Mine", two="MINE")
    with pytest.raises(BenchError, match=r"two\.py: one already has a model named Mine; rename class MINE"):
        entered(tmp_path)


def write_models(folder, **names):
    for file, name in names.items():
        (folder / f"{file}.py").write_text(f"class {name}:\n    class Hyper:\n        x = 1\n")


def entered(folder):
    found = {}
    for path in sorted(folder.glob("*.py")):
        registry.add_cards(found, source.read_cards(path, path.stem), path)
    return found


@pytest.mark.parametrize("package", registry.OUR_PACKAGES)
def test_packages_of_the_working_folder_do_not_stand_for_ours(package, tmp_path):
    """A project may have a folder ``models`` of its own."""
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("")
    code = "import sys; from bench import registry; print(len(registry.cards()))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(registry.HOME)))}
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == (f"{len(registry.standing_cards())}\n", "")
    code = f"import {package}; from bench import registry; registry.cards()"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert f"BenchError: another package named {package} is imported already" in run.stderr


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


def test_a_file_of_ours_that_cannot_be_imported_is_one_line(monkeypatch):
    file = registry.standing_cards()["BPRMF"].module.replace(".", "/") + ".py"

    def broken(name):
        raise SystemExit(3) if name.endswith("bprmf") else ValueError("no")

    monkeypatch.setattr("importlib.import_module", broken)
    with pytest.raises(BenchError, match=rf"{file} ends the program when it is imported"):
        registry.load(registry.find("BPRMF")[0])
    with pytest.raises(BenchError, match=r"lightgcn\.py: the file cannot be imported \(ValueError: no\)"):
        registry.load(registry.find("LightGCN")[0])


def test_a_class_of_ours_without_settings_is_named():
    with pytest.raises(BenchError, match=r"class NeighbourMax in .*mmgcn\.py has no Hyper"):
        registry.find("NeighbourMax")
