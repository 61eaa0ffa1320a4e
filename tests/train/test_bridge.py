"""RecBole's own objects: its registry, its data set, its trainer, its metrics."""

import os
import sys

import numpy as np
import pytest
import torch

import bench
from bench import registry
from bench.nn.absent import WANTED, stand_ins
from bench.nn.recommender import Recommender
from bench.protocol.candidates import draw_cases
from bench.protocol.evaluate import Evaluator
from bench.protocol.metrics import means
from bench.spec import BenchError
from bench.train.bridge import TrainingSet
from tests.conformance.conftest import every_row
from tests.recbole_objects import recbole_config, recbole_loaders, write_recbole

pytestmark = pytest.mark.filterwarnings("ignore")  # RecBole's own: chained assignment, sparse layouts


def parts(n_users=30, n_items=25, seed=0):
    """Leave-one-out: train, valid and test pairs, ids from 0, every item in train."""
    rng = np.random.default_rng(seed)
    rows = [rng.choice(n_items, 7, replace=False) for _ in range(n_users)]
    train = np.array([(u, i) for u, row in enumerate(rows) for i in row[:5]])
    return {
        "train": train,
        **{p: np.array([(u, r[k]) for u, r in enumerate(rows)]) for p, k in (("valid", 5), ("test", 6))},
    }


def features(n_items=25):
    rng = np.random.default_rng(1)
    return {m: rng.normal(size=(n_items, w)).astype(np.float32) for m, w in (("visual", 6), ("textual", 4))}


def recbole(row, folder, **more):
    """(config, loaders, model) of RecBole's own making."""
    bench.register()
    card, preset = registry.find(row)
    values = registry.settings(card, preset, dataset="", hyper={"embedding_size": 8})
    settings = {
        **values,
        **write_recbole(folder, name="toy", parts=parts()),
        "epochs": 1,
        "use_gpu": False,
        **more,
    }
    config = recbole_config(card.name, dataset="toy", folder=str(folder), settings=settings)
    loaders = recbole_loaders(config, features())
    return config, loaders, config.model_class if hasattr(config, "model_class") else registry.load(card)


@pytest.mark.parametrize("row", every_row())
def test_every_model_trains_an_epoch_in_recboles_trainer(row, tmp_path):
    from recbole.trainer import Trainer
    from recbole.utils import get_model

    config, (train, _, _), _ = recbole(row, tmp_path)
    torch.manual_seed(0)
    model = get_model(config["model"])(config, train.dataset)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    Trainer(config, model).fit(train, saved=False, show_progress=False)
    assert any(not torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_recboles_trainer_begins_an_epoch_as_ours_does(tmp_path):
    """FREEDOM thins its graph in every epoch, and so it does there."""
    from recbole.trainer import Trainer
    from recbole.utils import get_model

    config, (train, _, _), _ = recbole("FREEDOM", tmp_path, epochs=3)
    model, seen = get_model("FREEDOM")(config, train.dataset), []
    begin = model.before_epoch
    model.before_epoch = lambda epoch: seen.append((epoch, model.training, begin(epoch), model.thinned)[:2])
    whole = model.thinned
    Trainer(config, model).fit(train, saved=False, show_progress=False)
    assert seen == [(1, True), (2, True), (3, True)]
    assert model.thinned is not whole


def test_get_model_finds_ours_and_recboles_stay_importable():
    bench.register()
    from recbole.model.general_recommender import LightGCN as theirs
    from recbole.utils import get_model

    for card in registry.cards().values():
        assert issubclass(get_model(card.name), Recommender)
    assert not issubclass(theirs, Recommender)


def test_metrics_equal_recboles_to_their_four_places(tmp_path):
    """Equal weights, full ranking: RecBole's Hit and NDCG."""
    from recbole.trainer import Trainer

    more = {"metrics": ["Hit", "NDCG", "MRR"], "topk": [5, 10], "valid_metric": "NDCG@10"}
    config, (train, _, test), _ = recbole("BPRMF", tmp_path, **more)
    torch.manual_seed(0)
    model = registry.load(registry.cards()["BPRMF"])(config, train.dataset)
    theirs = Trainer(config, model).evaluate(test, load_best_model=False)
    data = train.dataset
    renumber = {f: data.field2token_id[f] for f in ("user_id", "item_id")}
    pairs = {
        p: np.array([(renumber["user_id"][str(u)], renumber["item_id"][str(i)]) for u, i in v]) - 1
        for p, v in parts().items()
    }
    met = np.concatenate(list(pairs.values()))
    cases = draw_cases(pairs["test"], met, n_users=30, n_items=25, n_candidates=3, seed=0)
    ours = means(Evaluator(cases, device=torch.device("cpu")).ranks(model, rankings=("full",)))
    for k in (5, 10):
        assert round(ours[f"full.hr@{k}"], 4) == theirs[f"hit@{k}"]
        assert round(ours[f"full.ndcg@{k}"], 4) == theirs[f"ndcg@{k}"]


def test_the_bridge_keeps_recboles_side_effects_away(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["prog", "--embedding_size=999"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    config, _, _ = recbole("BPRMF", tmp_path)
    assert config["embedding_size"] == 8
    assert sys.argv == ["prog", "--embedding_size=999"]
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "7"


def test_a_silent_config_means_the_defaults_and_a_wrong_value_is_an_error():
    data = TrainingSet(parts()["train"], n_users=30, n_items=25, features={})
    config = {"USER_ID_FIELD": "user_id", "ITEM_ID_FIELD": "item_id", "NEG_PREFIX": "neg_", "device": "cpu"}
    model = registry.load(registry.cards()["BPRMF"])
    assert model(config, data).hyper == model.Hyper()
    with pytest.raises(BenchError, match="setting embedding_size='wide'"):
        model({**config, "embedding_size": "wide"}, data)


SMALL = {"embedding_size": 8, "epochs": 1, "n_layers": 1, "n_attention_layers": 1, "eval_batch_size": 10**6}


@pytest.mark.parametrize("row", ["BPRMF", "LightGCN", "VBPR", "MCLN:itemwise"])
def test_recboles_own_entry_trains_and_tests_our_models(row, tmp_path, monkeypatch):
    """``run_recbole`` on RecBole's own ml-100k, whose item file brings the words; weights saved and loaded by it."""
    bench.register()
    from recbole.quick_start import run_recbole

    monkeypatch.chdir(tmp_path)  # RecBole writes where it stands
    monkeypatch.setattr(sys, "argv", ["prog"])
    quiet = {"show_progress": False, "state": "ERROR", "use_gpu": False}
    found = run_recbole(model=row, dataset="ml-100k", config_dict={**SMALL, **quiet})
    assert 0 < found["test_result"]["ndcg@10"] < 1


def test_names_of_presets_and_of_svdpp_are_found():
    bench.register()
    from recbole.utils import get_model

    assert get_model("SVD++") is get_model("SVDPP")
    data = TrainingSet(parts()["train"], n_users=30, n_items=25, features=features())
    config = {"USER_ID_FIELD": "user_id", "ITEM_ID_FIELD": "item_id", "NEG_PREFIX": "neg_", "device": "cpu"}
    assert get_model("MCLN:itemwise")(config, data).hyper.attention == "modalities"
    assert get_model("MCLN")(config, data).hyper.attention == "batch"


def test_missing_values_of_recboles_files_are_filled(tmp_path):
    """Under pandas 3 RecBole itself would leave them unfilled, in silence."""
    folder = tmp_path / "toy"
    folder.mkdir()
    (folder / "toy.inter").write_text("user_id:token\titem_id:token\na\tx\nb\ty\na\ty\n")
    rows = ["item_id:token\tbrand:token\tprice:float\twords:token_seq", "x\t\t2.0\tred hat", "y\tacme\t\t"]
    (folder / "toy.item").write_text("\n".join(rows) + "\n")
    columns = {"inter": ["user_id", "item_id"], "item": ["item_id", "brand", "price", "words"]}
    config = recbole_config("BPR", dataset="toy", folder=str(tmp_path), settings={"load_col": columns})
    from recbole.data import create_dataset

    dataset = create_dataset(config)
    x, y = (dataset.token2id("item_id", token) for token in "xy")
    items = dataset.item_feat
    assert items["brand"][x] == 0  # the padding id
    assert items["brand"][y] != 0
    assert items["price"][y] == 2.0  # the mean of the others
    assert (items["words"][y] == 0).all()
    assert (items["words"][x] != 0).sum() == 2


def test_a_package_that_recbole_wants_and_lacks_is_named_when_it_is_used(monkeypatch):
    monkeypatch.setitem(WANTED, "no_such_package", ["no_such_package"])
    with stand_ins():
        from no_such_package import anything
    assert "no_such_package" not in sys.modules
    with pytest.raises(ImportError, match="no_such_package for this, and it is not installed"):
        anything()


def test_repeated_pairs_collapse_in_the_matrix_and_stay_in_the_entries():
    data = TrainingSet(np.array([[0, 1], [0, 1]]), n_users=1, n_items=2, features={})
    assert data.inter_matrix().toarray().tolist() == [[0, 0, 0], [0, 0, 1]]
    assert len(data.user) == 2
