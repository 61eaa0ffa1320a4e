"""The file of a record vouches for itself."""

import pytest

from bench.spec import BenchError
from bench.store.record import read_record, write_record
from tests.store.test_store import record


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


def test_a_record_of_schema_1_is_read_and_has_no_digest(path):
    """Before digests, a file had neither them nor the names of the files of ranks."""
    lines = path.read_text().splitlines(keepends=True)
    new = ('"digest"', '"ranks_sha256"', '"cases_sha256"')
    text = "".join(line for line in lines if not line.strip().startswith(new))
    path.write_text(text.replace('"schema_version": 2', '"schema_version": 1'))
    assert read_record(path) == record().model_copy(update={"schema_version": 1})
    path.write_text(text)
    with pytest.raises(BenchError, match="was changed"):
        read_record(path)  # the newest schema without a digest is no old record
