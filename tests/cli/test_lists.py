"""What there is to run, as the command line prints it."""

import pytest

from bench.cli.main import main


@pytest.fixture
def say(capsys):
    """The lines that a command prints, its columns apart."""

    def call(*argv):
        with pytest.raises(SystemExit) as ended:
            main(list(argv))
        printed = capsys.readouterr()
        return ended.value.code, [line.split("  ") for line in printed.out.splitlines()], printed.err

    return call


def cells(lines):
    return [[cell.strip() for cell in line if cell.strip()] for line in lines]


def test_models_with_their_groups_and_presets(say):
    code, lines, _ = say("models")
    assert code == 0
    assert ["MCLN", "all, paper", "default, released, paper, itemwise"] in cells(lines)
    assert ["Pop", "floors", "default"] in cells(lines)


def test_the_settings_of_a_model_preset_by_preset(say):
    _, lines, _ = say("models", "mcln")
    assert cells(lines)[0] == ["MCLN", "MCLN", "MCLN:released", "MCLN:paper", "MCLN:itemwise"]
    assert ["attention", "batch", "batch", "batch", "modalities"] in cells(lines)
    assert ["On taobao, unless a preset says otherwise: n_layers=5 alpha=0.2"] in say("models", "MGCL")[1]
    _, lines, _ = say("models", "MCLN:itemwise")
    assert ["attention", "modalities"] in cells(lines)
    assert say("models", "MCLM")[::2] == (2, "error: unknown model 'MCLM'; did you mean MCLN or MGCL?\n")


def test_data_sets_by_name(say):
    _, lines, _ = say("data")
    assert [line[0] for line in cells(lines)[2:9]] == [
        *("beauty", "art", "taobao", "ml-100k"),
        *("beauty-sim", "art-sim", "taobao-sim"),
    ]


def test_studies_and_the_variants_of_one(say):
    _, lines, _ = say("studies")
    assert ["table4", "Table 4: fusion", "MCLN", "4"] in cells(lines)
    _, lines, _ = say("studies", "table4")
    assert ["w/ inter-modal", "modalities=all use_cl=true use_intra=false"] in cells(lines)
    assert say("studies", "table2")[1] == [["Table 2: comparison: its rows are models, not variants"]]
    assert say("studies", "tabel4")[0] == 2
