"""Records as a frame."""

from bench.store.frame import frame
from tests.store.made import job, record


def test_the_frame_names_what_a_table_needs():
    rows = frame([record(), record(job=job(model="MCLN", preset="itemwise"))])
    assert rows.row.tolist() == ["BPRMF", "MCLN:itemwise"]
    assert rows["sampled.hr@5"].tolist() == [1 / 3, 1 / 3]
