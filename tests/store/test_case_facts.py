"""Facts of the cases are named by what they depend on, and not believed when they are damaged."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bench.spec import PROTOCOLS
from bench.store import case_facts
from tests.store.made import job

FACTS = pd.DataFrame({"user_degree": np.arange(3000, dtype=np.int32) % 97, "has_visual": np.arange(3000) % 2 == 0})


def test_facts_survive_the_disk(tmp_path):
    case_facts.write(FACTS, tmp_path / "a.parquet")
    assert case_facts.read(tmp_path / "a.parquet").equals(FACTS)
    assert case_facts.read(tmp_path / "b.parquet") is None


def test_damaged_facts_are_none(tmp_path):
    path = tmp_path / "a.parquet"
    case_facts.write(FACTS, path)
    content = path.read_bytes()
    for damaged in (b"", content[:50], content[:-20], b"<html>", content[:400] + b"\x00" * 9 + content[409:]):
        path.write_bytes(damaged)
        assert case_facts.read(path) is None


def test_no_flipped_bit_reads_as_other_facts(tmp_path, rng):
    path = tmp_path / "a.parquet"
    case_facts.write(FACTS, path)
    content = path.read_bytes()
    for place in rng.integers(0, len(content), 150):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        found = case_facts.read(path)
        assert found is None or found.equals(FACTS)


@pytest.mark.parametrize(
    ("more", "is_same"),
    [
        ({"seed": 1}, True),
        ({"model": "VBPR"}, True),
        ({"data_hash": "e"}, False),
        ({"protocol": PROTOCOLS["paper"]}, False),
        ({"protocol": replace(PROTOCOLS["clean"], version=99)}, False),
    ],
)
def test_jobs_on_one_data_set_and_protocol_share_their_facts(more, is_same):
    assert (case_facts.file_name(job(**more)) == case_facts.file_name(job())) == is_same


def test_facts_of_other_data_under_this_name_are_none(tmp_path):
    case_facts.write(FACTS, tmp_path / "a.facts.parquet")
    (tmp_path / "a.facts.parquet").rename(tmp_path / "b.facts.parquet")
    assert case_facts.read(tmp_path / "b.facts.parquet") is None
