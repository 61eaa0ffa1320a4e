"""What stands of the reference, on a reference of two small parts."""

import dataclasses
import math

import pytest

from bench.run import plan, reference
from bench.run.plan import Request
from bench.run.reference import Part
from bench.store.store import Store
from tests.run.made import local, planned
from tests.store.made import record
from tests.toy import write_folder


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """BPRMF, which is in two parts, was run, and Pop by an earlier version of its file. VBPR failed, and BPRMF with
    searched settings never ran."""
    place = tmp_path_factory.mktemp("found")
    store, folder = Store(place / "results"), write_folder(place / "tiny")
    asked = {"datasets": [str(folder)], "protocols": ["clean"], "budget": "smoke"}
    parts = [
        Part("one", Request(models=["BPRMF", "Pop"], **asked)),
        Part("two", Request(models=["BPRMF", "VBPR"], **asked)),
        Part("three", Request(models=["BPRMF"], **asked), is_tuned=True),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MCLN_BENCH_CACHE", str(place / "cache"))
        patch.setattr(reference, "parts", lambda data_dir: parts)
        local(store).run(planned(folder))
        (pop,) = planned(folder, models=["Pop"])
        store.write(record(job=dataclasses.replace(pop.job, source="older")))
        (vbpr,) = planned(folder, models=["VBPR"])
        store.write(record(job=dataclasses.replace(vbpr.job, source="older")).model_copy(update={"status": "failed"}))
        return reference.standing(store, tuned=searched)


def searched(jobs):
    """The jobs as if a search had found another size of the vectors."""
    return [dataclasses.replace(one, job=dataclasses.replace(one.job, hyper={"embedding_size": 8})) for one in jobs]


def test_by_hand(found):
    columns = ["part", "model", "is_due", "is_older"]
    assert found[columns].to_numpy().tolist() == [
        ["one", "BPRMF", False, False],
        ["one", "Pop", True, True],
        ["two", "VBPR", True, False],
        ["three", "BPRMF (embedding_size=8)", True, False],
    ]
    assert found["seconds"].iloc[0] == 0
    assert (found["seconds"].iloc[2:] > 0).all()  # the made record of Pop took none
    columns = ["part", "jobs", "stand", "older", "missing"]
    counted = reference.by_part(found)
    assert counted[columns].to_numpy().tolist() == [["one", 2, 1, 1, 0], ["two", 1, 0, 0, 1], ["three", 1, 0, 0, 1]]


def lines(page):
    """The page's tables, each line as the list of its cells."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line[:1] == "|"]


def test_the_page_adds_them_up(found):
    page = reference.page(found.assign(seconds=[0.0, 60.0, 3 * 3600.0, 3600.0]))
    assert (
        "Of 4 jobs, 1 have a record; 1 more have only one that an earlier version made, which the tables show, and 2 "
        "were never run." in page
    )
    assert ["two", "1", "0", "0", "1", "3.0 h"] in lines(page)
    assert ["all", "4", "1", "1", "2", "4.0 h"] in lines(page)
    part = reference.page(found.assign(seconds=[0.0, 60.0, 3 * 3600.0, math.inf]))
    assert ["three", "1", "0", "0", "1", "unknown"] in lines(part)
    assert ["all", "4", "1", "1", "2", "at least 3.0 h"] in lines(part)
    assert "| at least 0 s " in reference.page(found.assign(seconds=math.inf))


def test_the_page_lists_every_job_that_is_due(found):
    page = reference.page(found.assign(seconds=[0.0, 60.0, math.inf, 30.0]))
    due = [[line[2], *line[-4:]] for line in lines(page)[-3:]]
    assert due == [
        ["BPRMF (embedding_size=8)", "0", "", "30 s", "three"],
        ["Pop", "0", "yes", "60 s", "one"],
        ["VBPR", "0", "", "unknown", "two"],
    ]


@pytest.mark.parametrize("part", reference.parts(), ids=lambda part: part.title)
def test_every_part_names_what_there_is(part):
    plan.check_names(part.request)
    assert plan.rows_of(part.request)


def test_a_variant_of_a_study_has_the_name_of_an_older_record_with_its_settings(folder):
    """When models drew users by default, the record of BPRMF was what the sampler study now calls users."""
    request = Request(datasets=[str(folder)], models=["BPRMF"], protocols=["clean"], studies=["sampler"])
    (users,) = [one for one in plan.jobs(request) if one.job.hyper]
    (older,) = planned(folder, budget="standard")
    assert reference.names_of(older.job, {"sampling": "user"}) & reference.names_of(users.job)
    assert not reference.names_of(older.job, {"sampling": "interaction"}) & reference.names_of(users.job)


def test_a_job_that_makes_no_sense_is_not_due_once_it_was_skipped(folder, tmp_path, monkeypatch):
    more = {"models": ["VBPR"], "features": ["none"], "protocols": ["clean"], "budget": "smoke"}
    monkeypatch.setattr(reference, "parts", lambda data_dir: [Part("one", Request(datasets=[str(folder)], **more))])
    store = Store(tmp_path / "results")
    assert reference.standing(store)["is_due"].tolist() == [True]
    assert local(store).run(planned(folder, **more)) == ["skipped"]
    assert reference.standing(store)["is_due"].tolist() == [False]
