"""GPUs as a stand-in for the driver's tool lists them, and the line that says why there is none."""

import time

import pytest
import torch

from bench.run import gpus
from bench.run.gpus import find_gpus
from bench.spec import BenchError

TWO = "0, GPU-aa11, 40000, [N/A]\n1, GPU-ab22, 81000, Disabled"
DIVIDED = "0, GPU-aa11, 39000, Enabled\n1, GPU-ab22, 81000, Disabled"
LIST = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aa11)
  MIG 3g.20gb     Device  0: (UUID: MIG-c1)
  MIG 1g.5gb      Device  1: (UUID: MIG-c2)
GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-ab22)
"""


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """tool(script, mask=None) puts an ``nvidia-smi`` on the PATH, and hides what ``mask`` does not name."""
    monkeypatch.setattr(gpus, "version", lambda package: "2.14.0")
    monkeypatch.setattr(gpus, "DRIVER", tmp_path / "none")
    monkeypatch.setattr(gpus, "trial", lambda name: f"{gpus.WORKS} 90000")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def put(script: str, mask: str | None = None) -> None:
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        if mask is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", mask)

    return put


def printing(query: str) -> str:
    return f"""if [ "$1" = -L ]; then cat <<'END'\n{LIST}END\nelse cat <<'END'\n{query}\nEND\nfi"""


@pytest.mark.parametrize(
    ("mask", "found"),
    [
        (None, {"0": 40000.0, "1": 81000.0}),
        ("1", {"1": 81000.0}),
        ("1,0", {"1": 81000.0, "0": 40000.0}),
        (" 1 , 0 ", {"1": 81000.0, "0": 40000.0}),
        ("GPU-ab22", {"1": 81000.0}),
        ("GPU-ab", {"1": 81000.0}),  # cut short, as CUDA allows
        ("1,7,0", {"1": 81000.0}),  # CUDA stops at the first name that it does not know
    ],
)
def test_an_existing_mask_is_respected(tool, capsys, mask, found):
    tool(printing(TWO), mask)
    assert find_gpus("auto") == found
    assert list(find_gpus("auto")) == list(found)
    assert capsys.readouterr().out == ""


def test_a_divided_gpu_is_its_instances(tool):
    """3g.20gb is about 20 * 970 MiB; the GPU itself can hold no job then."""
    tool(printing(DIVIDED))
    assert find_gpus("auto") == {"MIG-c1": 19_400.0, "MIG-c2": 4850.0, "1": 81000.0}
    tool(printing(DIVIDED), "MIG-c2")
    assert find_gpus("auto") == find_gpus("MIG-c2") == {"MIG-c2": 4850.0}


def test_an_instance_has_the_memory_that_torch_finds_free(tool, monkeypatch):
    """Less than its name says where a process uses it already, and on GPUs of which a GB in a name is less."""
    tool(printing(DIVIDED))
    monkeypatch.setattr(gpus, "trial", lambda name: f"{gpus.WORKS} {7000 if name == 'MIG-c1' else 90000}")
    assert find_gpus("auto") == {"MIG-c1": 7600.0, "MIG-c2": 4850.0, "1": 81000.0}


def test_gpus_that_are_asked_for(tool):
    tool(printing(TWO))
    assert find_gpus("1") == find_gpus("GPU-ab22") == {"1": 81000.0}
    assert find_gpus("none") == {}
    with pytest.raises(BenchError, match=r"no GPU '2' here \(2 found\)"):
        find_gpus("0,2")
    tool(printing(TWO), "1")
    with pytest.raises(BenchError, match=r"no GPU '0' here \(1 found\)"):
        find_gpus("0")  # the mask hides it


@pytest.mark.parametrize(
    ("script", "mask", "line"),
    [
        ("exec sleep 60", None, "nvidia-smi did not answer in 0.3 s"),
        ("sleep 60; true", None, "nvidia-smi did not answer in 0.3 s"),  # a child of it holds the output open
        ("echo 'no devices were found'; exit 6", None, "nvidia-smi fails: 'no devices were found'"),
        ("exit 9", None, "nvidia-smi fails: exit code 9"),
        ("echo '<html>hello</html>'", None, "nvidia-smi answers '<html>hello</html>', which is not what it was asked"),
        (r"printf '\033[31m0, 1\377, 2, 3\n'", None, r"nvidia-smi answers '\x1b[31m0, 1"),
        ("true", None, "nvidia-smi lists no GPU with memory of its own"),
        ("echo '0, GPU-aa11, [N/A], [N/A]'", None, "nvidia-smi lists no GPU with memory of its own"),
        (printing(TWO), "", "CUDA_VISIBLE_DEVICES='' names none of the GPUs here"),
        (printing(TWO), "-1", "CUDA_VISIBLE_DEVICES='-1' names none of the GPUs here"),
        (printing(TWO), "NoDevFiles", "CUDA_VISIBLE_DEVICES='NoDevFiles' names none of the GPUs here"),
        (printing(TWO), "GPU-a", "CUDA_VISIBLE_DEVICES='GPU-a' names none of the GPUs here"),  # it could be either
    ],
)
def test_falling_back_to_the_cpu_is_one_line(tool, monkeypatch, capsys, script, mask, line):
    monkeypatch.setattr(gpus, "PATIENCE", 0.3)
    tool(script, mask)
    begun = time.monotonic()
    assert find_gpus("auto") == {}
    assert time.monotonic() - begun < 20  # and not the minute that the tool takes
    printed = capsys.readouterr().out
    assert printed.startswith(line)
    assert printed.endswith("; jobs run on the CPU\n")
    assert printed.count("\n") == 1
    assert "\x1b" not in printed
    with pytest.raises(BenchError, match="no GPU '0' here"):
        find_gpus("0")


WARNING = "WARNING: infoROM is corrupted at gpu 0000:3B:00.0"


def test_a_warning_of_the_tool_hides_no_gpu(tool, capsys):
    tool(printing(f"{TWO}\n{WARNING}"))
    assert find_gpus("auto") == {"0": 40000.0, "1": 81000.0}
    assert capsys.readouterr().out == ""


OLD = "The NVIDIA driver on your system is too old (found version 12040)."


@pytest.mark.parametrize(
    ("query", "says", "found", "lines"),
    [
        (TWO, {"0": OLD}, {"1": 81000.0}, [f"GPU 0 cannot be used: torch says {OLD!r}"]),
        (
            TWO,
            {"0": OLD, "1": ""},
            {},
            [f"GPU 0 cannot be used: torch says {OLD!r}", "GPU 1 cannot be used: torch says ''"],
        ),
        ("0, GPU-aa11, 12, [N/A]", {}, {}, ["GPU 0 cannot be used: only 12 MiB of its memory are free"]),
    ],
)
def test_a_gpu_that_no_job_could_run_on_is_left_out(tool, monkeypatch, capsys, query, says, found, lines):
    """Each job would fail there: an old driver, a GPU for which torch has no kernels, one that others have filled."""
    tool(printing(query))
    monkeypatch.setattr(gpus, "trial", lambda name: says.get(name, f"{gpus.WORKS} 90000"))
    assert find_gpus("auto") == found
    end = "" if found else "; jobs run on the CPU"
    assert capsys.readouterr().out.splitlines() == [f"{line}{end}" for line in lines]
    with pytest.raises(BenchError, match=r"GPU 0 cannot be used: .*; use --gpus auto or --gpus none"):
        find_gpus("0")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU that works")
def test_what_torch_says_without_a_gpu():
    assert gpus.trial("0").startswith(("Torch not compiled with CUDA", "Found no NVIDIA driver"))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_torch_computes_on_a_gpu():
    assert find_gpus("0")["0"] > gpus.CONTEXT_MIB


def test_a_torch_without_cuda_is_said(tool, monkeypatch, capsys):
    tool(printing(TWO))
    monkeypatch.setattr(gpus, "version", lambda package: "2.13.0+cpu")
    assert find_gpus("auto") == {}
    assert capsys.readouterr().out == "torch 2.13.0+cpu is built without CUDA; jobs run on the CPU\n"


def test_a_machine_without_a_gpu_is_told_nothing(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(gpus, "DRIVER", tmp_path / "version")
    assert find_gpus("auto") == {}
    assert capsys.readouterr().out == ""
    (tmp_path / "version").touch()
    assert find_gpus("auto") == {}
    assert capsys.readouterr().out == "there is an NVIDIA driver but no nvidia-smi on the PATH; jobs run on the CPU\n"
