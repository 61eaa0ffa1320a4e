"""The records that are shipped hold, are small, and say what their ranks say."""

import subprocess
from pathlib import Path

import pytest

from bench.protocol.metrics import means
from bench.store import case_facts
from bench.store.store import Store

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "results" / "reference"


@pytest.fixture(scope="module")
def store():
    return Store(REFERENCE)


@pytest.fixture(scope="module")
def records(store):
    return store.records()


def test_every_record_holds_and_none_is_of_one_epoch(store, records):
    assert len(records) == len(list(REFERENCE.glob("*/*/*.json"))) > 0
    assert store.left_out == {}
    assert "smoke" not in {record.job.budget.name for record in records}


def test_metrics_are_those_of_the_ranks(store, records):
    for record in records:
        # the order in which a mean adds up differs between versions of numpy
        assert means(store.ranks(record.job)) == pytest.approx(record.metrics, rel=1e-12)


def test_metrics_under_paper_are_those_of_the_chosen_epoch(records):
    """There, the curve is that of the test cases; version 1 chose one epoch for both rankings."""
    found = [r for r in records if r.job.protocol.select_on == "test" and r.job.protocol.version > 1 and r.curve]
    assert found
    for record in found:
        for name in {"sampled.ndcg@10", "full.ndcg@10"} & record.metrics.keys():
            assert record.metrics[name] == pytest.approx(max(entry[name] for entry in record.curve), rel=1e-9), (
                record.key
            )


def test_the_ranks_of_a_job_take_four_bytes_per_case_at_most(records):
    cases = {record.key: record.facts["n_cases"] for record in records}
    sizes = {path: path.stat().st_size for path in REFERENCE.glob("*/*/*.parquet") if path.parent.name != "cases"}
    assert sizes
    for path, size in sizes.items():
        assert size <= max(15 * 1024, 4 * cases[path.name.split(".")[0]]), path


def test_the_facts_of_all_cases_are_there(store, records):
    for record in records:
        assert len(case_facts.read(store.cases(record.job))) == record.facts["n_cases"]


@pytest.mark.parametrize(
    ("path", "is_ignored"),
    [
        ("results/beauty/MCLN/0.json", True),
        ("reports/report.html", True),
        ("reports/performance/scale-cpu.md", True),
        ("results/reference/beauty/MCLN/0.json", False),
        ("reports/reference/report.html", False),
        ("reports/reference/performance/scale-cpu.md", False),
    ],
)
def test_git_sees_what_is_shipped_and_no_run_of_a_user(path, is_ignored):
    asked = subprocess.run(["git", "check-ignore", "-q", "--no-index", path], cwd=ROOT, capture_output=True, text=True)
    if asked.returncode == 128:
        pytest.skip(f"git cannot say what it ignores in this folder: {asked.stderr.strip()}")
    assert (asked.returncode == 0) == is_ignored
