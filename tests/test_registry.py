"""What a model's file declares, read without importing it."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import baselines
from bench import registry
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
    plain = "class A:\n    x = 1\n"
    worded = '"""What it is."""\n# why\nclass A:\n    """More."""\n    x = 1  # one\n'
    assert registry.revision([ast.parse(plain)]) == registry.revision([ast.parse(worded)])
    assert registry.revision([ast.parse(plain)]) != registry.revision([ast.parse(plain.replace("1", "2"))])


def test_the_revision_is_the_same_under_every_python():
    """Newer versions of Python have fields in their syntax trees that older ones lack."""
    body = "        return f'{a!r:>{x}} {{}}' + b'1'.decode()\n"
    code = f"class A(B, k=1):\n    def f(self, *a: int, x=None) -> str:\n{body}"
    assert registry.revision([ast.parse(code)]) == "042cc87ef622"


@pytest.mark.parametrize("file", sorted(path.name for path in Path(causal_mmrec.__path__[0]).glob("*.py")))
def test_a_constant_in_any_file_of_a_package_changes_the_source(file, tmp_path):
    package = shutil.copytree(causal_mmrec.__path__[0], tmp_path / "causal_mmrec")
    [before] = registry.read_cards(package, "models.causal_mmrec")
    with (package / file).open("a") as handle:
        handle.write("\nCONSTANT = 1\n")
    [after] = registry.read_cards(package, "models.causal_mmrec")
    assert (before.name, before.module) == ("CausalMMRec", "models.causal_mmrec.model")
    assert before.source == registry.cards()["CausalMMRec"].source != after.source


@pytest.mark.parametrize(
    ("model", "setting", "value"),
    [
        ("BPRMF", "embedding_size", 0),
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
        registry.read_cards(path, "broken")


def test_presets_that_are_not_literal_are_named(tmp_path):
    path = tmp_path / "model.py"
    path.write_text("class A:\n    presets = dict(x=1)\n    class Hyper:\n        pass\n")
    with pytest.raises(BenchError, match=r"model.py:2: training, presets and per_dataset"):
        registry.read_cards(path, "model")


def test_settings_later_ones_win():
    card, _ = registry.find("lightgcn")
    values = registry.settings(card, "default", dataset="", hyper={"n_layers": 5, "learning_rate": 0.01})
    assert (values["n_layers"], values["learning_rate"], values["train_batch_size"]) == (5, 0.01, 2048)


def test_settings_of_a_data_set_reach_its_simulation():
    card, _ = registry.find("MCLN")
    assert registry.settings(card, "default", dataset="taobao-sim", hyper={})["alpha"] == 0.2
    assert registry.settings(card, "default", dataset="beauty", hyper={})["alpha"] == 0.1


def test_two_classes_of_one_name_are_refused(tmp_path, monkeypatch):
    """A copied baseline that kept the name of the original would stand in its place."""
    monkeypatch.setattr(baselines, "__path__", [str(tmp_path)])
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text("class A:\n    class Hyper:\n        x = 1\n")
    with pytest.raises(BenchError, match=r"two\.py: class A stands in baselines\.one already; rename it"):
        registry.cards.__wrapped__()


def test_recbole_missing_is_one_line_with_the_command(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BenchError, match="pip install --no-deps recbole==1.2.1"):
        registry.require_recbole()
