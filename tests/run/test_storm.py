from tests.run import storm


def test_kills_lose_double_and_change_nothing(tmp_path):
    size = {"sets": 1, "seeds": 2, "models": ("BPRMF", "LightGCN")}
    records, killed, wrong = storm.run(tmp_path, **size, period=0.3, job_kills=3, runner_kills=1, drawing_kills=1)
    assert records == 4
    assert killed["jobs"] + killed["runners"] > 0
    assert wrong == []
