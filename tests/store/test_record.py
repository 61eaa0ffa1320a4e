"""The file of a record vouches for itself."""

import json

import pytest

from bench.files import digest
from bench.spec import BenchError
from bench.store.record import read_record, write_record
from tests.store.made import record


@pytest.fixture
def path(tmp_path):
    write_record(record(), tmp_path / "a.json")
    return tmp_path / "a.json"


def test_a_record_survives_the_disk_unrounded(path):
    assert read_record(path) == record()
    assert read_record(path).metrics == {"sampled.hr@5": 1 / 3}


def test_no_file_is_no_record(tmp_path):
    assert read_record(tmp_path / "a.json") is None
    (tmp_path / "file").write_text("")
    assert read_record(tmp_path / "file" / "a.json") is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.3333333333333333", "0.9"),
        ('"seed": 0', '"seed": 1'),
        ('"model": "BPRMF"', '"model": "MCLN"'),
        ('"digest": "', '"digest": "0'),
        ("\n", " \n"),
    ],
)
def test_an_edit_is_seen(path, old, new):
    text = path.read_text()
    path.write_text(text.replace(old, new, 1))
    assert path.read_text() != text
    with pytest.raises(BenchError, match=r"a\.json was changed after it was written"):
        read_record(path)


def test_every_byte_counts(path):
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(BenchError, match=r"a\.json"):
            read_record(path)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"name": "package", "version": "1.0"}', b"\xff\x00", b"{" * 9]
)
def test_what_is_no_record_is_one_line(path, content):
    path.write_bytes(content)
    with pytest.raises(BenchError, match=r"^\S+a\.json cannot be read as a record \([^\n]*\)$"):
        read_record(path)


def test_unknown_fields_are_an_error(path):
    path.write_text(path.read_text().replace('"reason"', '"reasn"'))
    with pytest.raises(BenchError, match="cannot be read as a record"):
        read_record(path)


def test_a_record_without_its_digest_is_not_believed(path):
    path.write_text("".join(line for line in path.read_text().splitlines(True) if '"digest"' not in line))
    with pytest.raises(BenchError, match=r"a\.json was changed after it was written"):
        read_record(path)


def resealed(path, **changes) -> None:
    """The record at ``path`` with other values and a digest that fits."""
    body = {**json.loads(path.read_text()), **changes, "digest": ""}
    text = json.dumps(body, indent=1) + "\n"
    path.write_text(text.replace('"digest": ""', f'"digest": "{digest(text.encode())}"', 1))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"metrics": {"sampled.hr@5": "0.5"}}, "metrics.sampled.hr@5"),
        ({"metrics": []}, "metrics"),
        ({"facts": []}, "facts"),
        ({"facts": {"modalities": 3}}, "fact modalities is '3'"),
        ({"facts": {"epochs": "many"}}, "fact epochs is 'many'"),
        ({"facts": {"epochs": True}}, "fact epochs is 'True'"),
        ({"facts": {"is_candidate_dependent": "no"}}, "fact is_candidate_dependent is 'no'"),
        ({"facts": {"n_cases": [1]}}, "facts.n_cases"),
        ({"facts": {"n_cases": 10**400}}, "facts.n_cases"),
        ({"settings": {"reg_weight": 10**400}}, "settings.reg_weight"),
        ({"settings": {"reg_weight": {"a": 1}}}, "settings.reg_weight"),
        ({"seconds": {"train": None}}, "seconds.train"),
        ({"curve": [{"epoch": 5, "loss": 1.0}]}, "no epoch or no seconds"),
        ({"curve": [{"loss": 1.0, "seconds": 1.0}]}, "no epoch or no seconds"),
        ({"curve": {"epoch": 5}}, "curve"),
        ({"key": "a\0b"}, "key"),
        ({"key": "x}\n\\input{/etc/passwd}"}, "key"),
        ({"ranks_sha256": "../../x"}, "ranks_sha256"),
        ({"provenance": {"device": 1}}, "provenance.device"),
        ({"status": "perfect"}, "status"),
        ({"schema_version": 1}, "schema_version"),
        ({"schema_version": 3}, "schema_version"),
        ({"more": 1}, "more"),
    ],
)
def test_a_value_of_the_wrong_type_is_one_line_that_names_it(path, changes, named):
    resealed(path)
    assert read_record(path) == record()
    resealed(path, **changes)
    with pytest.raises(BenchError) as error:
        read_record(path)
    assert str(error.value).startswith(f"{path} cannot be read as a record (")
    assert named in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("name", ["dataset", "model", "preset", "features", "source"])
@pytest.mark.parametrize("text", ["a\0b", "a\nb", "\x1b[31mred"])
def test_a_name_with_characters_that_steer_is_no_name(path, name, text):
    resealed(path, job={**json.loads(path.read_text())["job"], name: text})
    with pytest.raises(BenchError, match=rf"cannot be read as a record \(job\.{name}"):
        read_record(path)


def test_text_that_would_steer_a_terminal_is_made_plain(path):
    resealed(path, reason="\x1b[2J\x07gone", traceback="a\n\tb\x9b0m")
    found = read_record(path)
    assert (found.reason, found.traceback) == ("\ufffd[2J\ufffdgone", "a\n\tb\ufffd0m")
