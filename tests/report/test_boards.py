"""The ranks behind a cell: those of the records that have its values."""

from bench.report.boards import boards, ranked
from bench.report.sections import pages
from tests.report.made import evidence, record, stored, unfinished


def test_the_ranks_of_a_row_are_those_of_its_seeds_that_finished(tmp_path):
    runs = [stored(tmp_path, [1, 2], seed=0), unfinished(seed=1), stored(tmp_path, [3, 4], seed=2)]
    made = evidence(*runs, folder=tmp_path)
    found = ranked(made, [run.key for run in runs], "sampled", "BPRMF")
    assert (found.seeds, found.place.tolist()) == ((0, 2), [[0, 1], [2, 3]])
    assert ranked(made, [runs[1].key], "sampled", "BPRMF") == "no record of BPRMF has all values"


def test_a_row_of_which_no_record_has_all_values_is_on_no_board():
    """Of each metric one seed has a value, so that Table 2 has all means."""
    found = [record()]
    for seed, name in enumerate(("hr", "ndcg")):
        whole = record("VBPR", seed=seed)
        own = {metric: value for metric, value in whole.metrics.items() if f".{name}@" in metric}
        found.append(whole.model_copy(update={"metrics": own}))
    made = evidence(*found)
    sampled = next(board for board in boards(made) if board.ranking == "sampled")
    assert (sampled.rows, set(sampled.keys)) == (["BPRMF"], {"BPRMF"})
    assert pages(made)


def test_ranks_that_a_finished_record_lacks_are_a_reason():
    run = record()
    said = f"the ranks of record {run.key} are missing or broken"
    assert ranked(evidence(run), [run.key], "sampled", "BPRMF") == said
