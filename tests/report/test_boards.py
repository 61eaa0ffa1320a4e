"""The ranks behind a cell: those of the records that have its values."""

from bench.report.boards import ranked
from tests.report.made import evidence, record, stored, unfinished


def test_the_ranks_of_a_row_are_those_of_its_seeds_that_finished(tmp_path):
    runs = [stored(tmp_path, [1, 2], seed=0), unfinished(seed=1), stored(tmp_path, [3, 4], seed=2)]
    made = evidence(*runs, folder=tmp_path)
    found = ranked(made, [run.key for run in runs], "sampled", "BPRMF")
    assert (found.seeds, found.place.tolist()) == ((0, 2), [[0, 1], [2, 3]])
    assert ranked(made, [runs[1].key], "sampled", "BPRMF") == "no record of BPRMF has all values"


def test_ranks_that_a_finished_record_lacks_are_a_reason():
    run = record()
    said = f"the ranks of record {run.key} are missing or broken"
    assert ranked(evidence(run), [run.key], "sampled", "BPRMF") == said
