"""Learning curves: which evaluations they hold, and which epoch is marked."""

from bench.report import independent
from bench.report.render.figures import PLOTS
from bench.report.sections import curves
from bench.spec import PROTOCOLS
from tests.report.made import evidence, record, unfinished


def curve(*values, metric="sampled.ndcg@10"):
    return [{"epoch": 5.0 * n, "seconds": 2.5 * n, "loss": 0.5, metric: v} for n, v in enumerate(values, 1)]


def trained(model="BPRMF", *, best=5, epochs=15, **more):
    return record(model, facts={"best_epoch": best, "epochs": epochs}, **more)


def test_learning_curves_hold_what_selects_and_mark_the_epoch_chosen():
    bpr = trained(best=10, curve=curve(0.1, 0.3, 0.2))
    itemwise = trained("MCLN", preset="itemwise", curve=curve(0.4, 0.2, metric="full.ndcg@10"))
    variant = trained("LightGCN", hyper={"n_layers": 1}, curve=curve(0.1, 0.2))
    (page,) = curves.pages(evidence(itemwise, bpr, unfinished("VBPR"), variant))
    found = page.data
    assert page.name == "learning-curves-paper-smoke"
    assert found["model"].tolist() == ["BPRMF"] * 3 + ["MCLN:itemwise"] * 2
    assert found["epoch"].tolist() == [5, 10, 15, 5, 10]
    assert found["seconds"].tolist() == [2.5, 5.0, 7.5, 2.5, 5.0]
    assert found["value"].tolist() == [0.1, 0.3, 0.2, 0.4, 0.2]
    assert found.loc[found["is_best"], ["model", "epoch"]].values.tolist() == [["BPRMF", 10], ["MCLN:itemwise", 5]]
    axes = PLOTS[page.plot](found).axes
    assert [axis.get_title() for axis in axes] == ["Beauty (entities)"] * 4
    assert [axis.get_ylabel() for axis in axes] == ["N@10, sampled", "N@10, full"] * 2
    assert axes[2].get_lines()[0].get_xdata().tolist() == [2.5, 5.0, 7.5]
    assert axes[0].get_lines()[1].get_xydata().tolist() == [[10.0, 0.3]]


def test_where_each_ranking_chooses_its_own_epoch_a_run_has_two_courses():
    both = [
        {"epoch": n, "seconds": n, "sampled.ndcg@10": sampled, "full.ndcg@10": full}
        for n, sampled, full in ((5, 0.4, 0.1), (10, 0.3, 0.2))
    ]
    facts = {"best_epoch": None, "best_epoch.sampled": 5, "best_epoch.full": 10, "epochs": 10}
    (page,) = curves.pages(evidence(record(protocol=PROTOCOLS["clean"], curve=both, facts=facts)))
    chosen = page.data[page.data["is_best"]]
    assert chosen[["metric", "epoch", "value"]].values.tolist() == [
        ["sampled.ndcg@10", 5, 0.4],
        ["full.ndcg@10", 10, 0.2],
    ]
    assert len(page.data) == 4


def test_what_trains_nothing_or_one_epoch_has_no_curve_and_one_evaluation_is_a_point():
    floor = trained("Pop", epochs=0, curve=curve(0.1))
    once = trained("VBPR", epochs=1, curve=curve(0.1))
    assert curves.pages(evidence(floor, once)) == []
    (page,) = curves.pages(evidence(floor, once, trained(curve=curve(0.1))))
    assert page.data[["model", "epoch", "value"]].values.tolist() == [["BPRMF", 5, 0.1]]


def test_a_learning_curve_names_no_ranking_of_the_test_items():
    (page,) = curves.pages(evidence(trained(protocol=PROTOCOLS["clean"], curve=curve(0.1, metric="full.ndcg@10"))))
    assert "Ranking" not in page.caption
    assert "on the validation set. Protocol clean" in page.caption


def test_the_independent_run_is_a_grey_course_where_mcln_has_one_under_the_papers_protocol():
    mine = [trained("MCLN", dataset=name, curve=curve(0.4, 0.5)) for name in ("taobao", "toy")]
    (page,) = curves.pages(evidence(*mine, trained(dataset="art", curve=curve(0.1, 0.2))))
    other = page.data[page.data["model"] == independent.NAME]
    assert other.groupby(["dataset", "seed"]).size().to_dict() == {("taobao", 1): 76, ("taobao", 2): 100}
    chosen = other.loc[other["is_best"], ["seed", "epoch", "value"]].values.tolist()
    assert chosen == [[1, 50, 0.33609], [2, 65, 0.33525]]
    assert any(independent.NOTE in note.text for note in page.notes)
    assert page.keys == sorted(one.key for one in [*mine, trained(dataset="art", curve=curve(0.1, 0.2))])
    by_epoch, by_seconds = (PLOTS[page.plot](page.data).axes[n] for n in (1, 4))
    greys = [line for line in by_epoch.get_lines() if line.get_color() == "0.6" and line.get_linewidth() < 1]
    assert [len(line.get_xdata()) for line in greys] == [76, 100]
    assert not [line for line in by_seconds.get_lines() if line.get_color() == "0.6"]
    (page,) = curves.pages(evidence(trained("MCLN", protocol=PROTOCOLS["clean"], curve=curve(0.4))))
    assert independent.NAME not in set(page.data["model"])
