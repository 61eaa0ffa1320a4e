"""Mistakes in a request to extract are one line."""

import pytest

from bench.cli.main import main


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "there is nothing to extract from: give --images DIR, --texts FILE, or both"),
        (["--images", "nowhere"], "--images nowhere is not a folder"),
        (["--images", "9" * 300], "cannot be looked for (File name too long)"),
        (["--texts", "nowhere.csv"], "nowhere.csv is missing"),
        (["--encoder", "x"], "unknown flag '--encoder'; did you mean --image-encoder or --text-encoder?"),
    ],
)
def test_mistakes_are_one_line(folder, capsys, flags, message):
    with pytest.raises(SystemExit) as exit_:
        main(["extract", str(folder), *flags])
    error = capsys.readouterr().err
    assert (exit_.value.code, error.count("\n")) == (2, 1)
    assert message in error
