"""What can be chosen for the page, what is chosen at first, and what each element is about."""

import pytest

from bench.report.model import Line
from bench.report.render.choice import BEST, Choice, tags, token
from bench.report.sections import pages
from bench.spec import BUDGETS, PROTOCOLS
from tests.report.made import evidence, record, stored

CLEAN = PROTOCOLS["clean"]


def runs(*models, **job):
    return [record(model, 0.1 * (n + 1), **job) for n, model in enumerate(models)]


def choice(*records, folder) -> Choice:
    made = evidence(*records, folder=folder)
    return Choice(pages(made), made)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Beauty has more baselines under the shorter budget and Art was run under that alone; one set is clean alone."""
    quick, smoke = BUDGETS["quick"], BUDGETS["smoke"]
    some = [*runs("BPRMF", "MCLN", budget=quick), *runs("BPRMF", "VBPR", "MCLN", budget=smoke)]
    some += runs("BPRMF", "MCLN", budget=smoke, dataset="art")
    some += runs("BPRMF", "MCLN", budget=quick, dataset="toy", protocol=CLEAN)
    return choice(*some, folder=tmp_path_factory.mktemp("made"))


def tags_of(made, name):
    return made.page_tags(next(page for page in made.found if page.name == name))


def test_the_best_budget_is_the_one_that_answers_data_set_by_data_set(made):
    assert made.best["table2", "paper", "sampled", ("beauty", "entities")] == "smoke"
    assert made.best["table2", "clean", "sampled", ("toy", "entities")] == "quick"
    assert tags_of(made, "table2-paper-smoke-sampled")["data-budget"] == f"{BEST} smoke"
    assert tags_of(made, "table2-paper-quick-sampled")["data-budget"] == "quick"
    assert tags_of(made, "cost-clean-quick")["data-budget"] == f"{BEST} quick"


def test_a_kind_of_page_that_lacks_the_answer_s_budget_shows_its_longest(tmp_path):
    base = {"modalities": "none", "use_cl": False}
    some = runs("BPRMF", "MCLN", budget=BUDGETS["standard"])
    some += [record("MCLN", 0.2, hyper=base, budget=BUDGETS[name]) for name in ("smoke", "quick")]
    made = choice(*some, folder=tmp_path)
    assert tags_of(made, "table2-paper-standard-sampled")["data-budget"] == f"{BEST} standard"
    assert tags_of(made, "table3-paper-quick-sampled")["data-budget"] == f"{BEST} quick"
    assert tags_of(made, "table3-paper-smoke-sampled")["data-budget"] == "smoke"


def test_a_part_on_one_data_set_goes_by_its_own_best_budget(tmp_path):
    some = runs("BPRMF", "MCLN", budget=BUDGETS["quick"]) + runs("BPRMF", "MCLN")
    made = choice(*some, *runs("BPRMF", "MCLN", dataset="art"), folder=tmp_path)
    page = next(page for page in made.found if page.name == "table2-paper-smoke-sampled")
    budgets = {part.about["dataset"]: made.part_tags(page, part)["data-budget"] for part in page.blocks}
    assert budgets == {"beauty": "smoke", "art": f"{BEST} smoke"}


def test_at_first_the_answer_s_protocol_and_ranking_are_chosen(made):
    assert made.at_first == {"budget": BEST, "protocol": "paper", "ranking": "sampled"}


def test_a_verdict_is_shown_before_an_answer_that_is_not_there(tmp_path):
    some = [stored(tmp_path, [1] * 20), stored(tmp_path, [1, 50] * 10, protocol=CLEAN)]
    assert choice(*some, folder=tmp_path).at_first["protocol"] == "paper"
    some.append(stored(tmp_path, [1] * 20, "MCLN", protocol=CLEAN))
    assert choice(*some, folder=tmp_path).at_first["protocol"] == "clean"


def test_a_data_set_without_records_is_not_what_the_page_opens_with(tmp_path):
    """Beauty stands before Art, but has no protocol that could be chosen."""
    found = choice(stored(tmp_path, [1] * 20, dataset="art"), folder=tmp_path)
    assert found.at_first == {"budget": BEST, "protocol": "paper", "ranking": "sampled"}


def test_nothing_is_chosen_of_nothing(tmp_path):
    assert choice(folder=tmp_path).at_first == {"budget": BEST}


def test_what_can_be_chosen_together(made):
    def are_possible(**names):
        return any(all(value in line[name] for name, value in names.items()) for line in made.possible)

    assert are_possible(dataset="art", protocol="paper", budget=BEST, ranking="full")
    assert are_possible(dataset="beauty", protocol="paper", budget="quick")
    assert not are_possible(dataset="art", budget="quick")
    assert not are_possible(dataset="toy", protocol="paper")


def test_a_line_that_names_a_budget_is_there_under_the_best_one_too(made):
    page = made.found[0]
    line = Line([], about={"dataset": "my set", "budget": "quick", "model": "A B"})
    assert made.part_tags(page, line) == {
        "data-dataset": "my%20set",
        "data-budget": f"{BEST} quick",
        "data-model": "A%20B",
    }
    assert made.part_tags(page, Line([])) == {}


def test_no_name_is_a_token_of_several_words_or_the_best_budget_s():
    assert token("a b") == "a%20b"
    assert token("*other") == "%2Aother"
    assert tags(dataset=["b c", "a", "a"], ranking=[""]) == {"data-dataset": "a b%20c"}


def test_knock_outs_are_shown_with_the_features_that_they_were_made_from(tmp_path):
    """Even where nothing was run with these features as they are."""
    found = choice(record("VBPR", features="entities,shuffled"), folder=tmp_path)
    assert found.options["features"] == [("entities", "entities")]
    assert tags_of(found, "knockouts-paper-smoke-sampled")["data-features"] == "entities"
    assert {"dataset": ["beauty"], "features": ["entities"]}.items() <= found.possible[0].items()
