"""What a model of ours has as its code: all files of its package, and what it imports of another model."""

import pytest

from bench.registry import imports, source

MODEL = """
class {name}:
    class Hyper:
        pass
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with models of ours: Ada, in a package with a folder of parts, imports Bob, and Bob imports Cy."""
    monkeypatch.setattr(imports, "HOME", tmp_path)
    (tmp_path / "models/ada/parts").mkdir(parents=True)
    (tmp_path / "baselines").mkdir()
    texts = {
        "models/ada/__init__.py": "",
        "models/ada/model.py": "import models.ada.parts.layers\nfrom baselines.bob import Bob\n" + MODEL,
        "models/ada/parts/layers.py": "SIZE = 8\n",
        "baselines/bob.py": "from .cy import Cy\n" + MODEL,
        "baselines/cy.py": MODEL,
        "baselines/dan.py": MODEL,
    }
    for place, text in texts.items():
        (tmp_path / place).write_text(text.format(name=place.split("/")[1].removesuffix(".py").title()))
    return tmp_path


def own_source(home, place):
    path = home / place
    (card,) = source.read_cards(path, place.removesuffix(".py").replace("/", "."))
    return imports.with_ours(card, path).source


@pytest.mark.parametrize(
    ("changed", "users"),
    [
        ("models/ada/parts/layers.py", ["models/ada"]),
        ("baselines/bob.py", ["models/ada", "baselines/bob.py"]),
        ("baselines/cy.py", ["models/ada", "baselines/bob.py", "baselines/cy.py"]),
        ("baselines/dan.py", ["baselines/dan.py"]),
    ],
)
def test_all_that_a_model_imports_of_ours_is_its_code(home, changed, users):
    places = ("models/ada", "baselines/bob.py", "baselines/cy.py", "baselines/dan.py")
    before = {place: own_source(home, place) for place in places}
    with (home / changed).open("a") as handle:
        handle.write("\nCONSTANT = 1\n")
    assert [place for place in places if own_source(home, place) != before[place]] == users


@pytest.mark.parametrize("changed", ["models/ada/parts/layers.py", "baselines/bob.py", "baselines/cy.py"])
def test_what_ours_imports_is_the_code_of_a_model_outside_that_imports_it(home, tmp_path_factory, changed):
    own = tmp_path_factory.mktemp("own") / "own.py"
    own.write_text("from models.ada.model import Ada\n" + MODEL.format(name="Mine"))
    (card,) = source.read_cards(own, "own")
    before = imports.with_imports(card, own).source
    with (home / changed).open("a") as handle:
        handle.write("\nCONSTANT = 1\n")
    assert imports.with_imports(card, own).source != before


def test_a_model_in_a_folder_of_its_package_has_the_name_of_its_module(home):
    (home / "models/ada/parts/eve.py").write_text(MODEL.format(name="Eve"))
    names = {card.name: card.module for card in source.read_cards(home / "models/ada", "models.ada")}
    assert names == {"Ada": "models.ada.model", "Eve": "models.ada.parts.eve"}
