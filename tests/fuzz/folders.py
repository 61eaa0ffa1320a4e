"""Data folders: a damaged one is read, or one line says why not."""

import io
import os
import random
import shutil
import tempfile
from pathlib import Path

from tests.fuzz.cases import Tally, changed, elsewhere
from tests.fuzz.commands import command


def lists(rng: random.Random) -> dict[str, bytes]:
    """A data set of 150 items and 12 users in one of three layouts."""
    import numpy as np

    draw = np.random.default_rng(rng.randrange(2**32))
    rows = [draw.choice(150, 8, replace=False) for _ in range(12)]
    buffer = io.BytesIO()
    np.save(buffer, draw.normal(size=(150, 3)).astype(np.float32))
    layout = rng.choice(("lists", "mmrec", "recbole"))
    if layout == "lists":
        parts = {"train": slice(0, 6), "validation": slice(6, 7), "test": slice(7, 8)}
        files = {
            f"{name}.txt": "".join(f"{u} {' '.join(map(str, row[part]))}\n" for u, row in enumerate(rows)).encode()
            for name, part in parts.items()
        }
        entities = "".join(f"{item} {item % 7} {item % 3}\n" for item in range(150)).encode()
        return {**files, "image_feat.npy": buffer.getvalue(), "i2e_title.txt": entities}
    if layout == "mmrec":
        lines = [f"{u}\t{i}\t{max(0, n - 5)}" for u, row in enumerate(rows) for n, i in enumerate(row)]
        table = "\n".join(["userID\titemID\tx_label", *lines, ""]).encode()
        return {"set.inter": table, "text_feat.npy": buffer.getvalue()}
    lines = [f"u{u}\ti{i}\t{n}.5" for u, row in enumerate(rows) for n, i in enumerate(row)]
    table = "\n".join(["user_id:token\titem_id:token\ttimestamp:float", *lines, ""]).encode()
    words = "\n".join(["item_id:token\ttitle:token_seq", *(f"i{i}\tword{i % 9} old" for i in range(150)), ""]).encode()
    return {"set.inter": table, "set.item": words}


ODD = (
    b"", b"\n", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"<!DOCTYPE html><html>",
    b"version https://git-lfs.github.com/spec/v1\n", b"0 99999999999\n", b"0 -1\n", b"0 1e3\n", b"0 00\n", b"a b\n",
    b"0,1,2\n", b"0;1\n", b"0\x0c1\n", b"0 1\r0 2\r", b"0 \xe9\n", b"9" * 5000 + b" 1\n", b"0 " * 3000 + b"\n",
    b"\x93NUMPY\x01\x00", b"PK\x03\x04", "0 ٣\n".encode(), b"0\t1\n", b"user_id\titem_id\n",
    b'"user_id"\t"item_id"\ttimestamp\n', b"user_id,item_id,timestamp\n1,2,3\n",
    b"user_id\tuser_id\titem_id\n1\t1\t2\n",
)  # fmt: skip


def arrays() -> list[bytes]:
    """Files of arrays that are no table of rows, or rows that no model can use."""
    import numpy as np

    tables = [np.zeros((150, 0)), np.zeros(150), np.zeros((150, 3), dtype=complex), np.full((150, 3), np.nan)]
    tables += [np.full((150, 3), 1e30), np.full((150, 3), 1e-30), np.zeros((2, 3)), np.array([["a", "b"]] * 150)]
    tables += [np.zeros((150, 3), dtype=bool), np.zeros((150, 3), dtype=np.float16), np.zeros((3, 3, 3))]
    tables += [np.zeros((150, 3), dtype=[("a", "f4")]), np.zeros((150, 2), dtype="M8[s]"), np.full((150, 3), np.inf)]
    found = []
    for table in tables:
        np.save(buffer := io.BytesIO(), table)
        found.append(buffer.getvalue())
    return found


HOWS = ("bytes", "odd", "odd line", "gone", "renamed", "linked", "folder", "fifo", "swapped", "array", "ends")


def damage(folder: Path, rng: random.Random) -> str:
    """Change one thing in a data folder, and say what."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.is_symlink())
    path = rng.choice(files)
    content = path.read_bytes()
    how = rng.choice(HOWS)
    if how == "bytes":
        path.write_bytes(changed(content, rng))
    elif how == "odd":
        path.write_bytes(rng.choice(ODD))
    elif how == "odd line":
        lines = content.split(b"\n")
        lines.insert(rng.randrange(len(lines) + 1), rng.choice(ODD).strip(b"\n"))
        path.write_bytes(b"\n".join(lines))
    elif how == "ends":
        path.write_bytes(
            content.replace(b"\n", rng.choice((b"\r", b"\r\n", b" \n", b"\n\n", b"\x0b", "\u2028".encode())))
        )
    elif how == "gone":
        path.unlink()
    elif how == "renamed":
        path.rename(folder / rng.choice(("valid.txt", "x_feat.npy", "text-feat.npy", "i2e_.txt", "a b.inter", "=.npy")))
    elif how == "linked":
        path.unlink()
        path.symlink_to(rng.choice(("nowhere", "/dev/zero", "/dev/null", ".", path.name)))
    elif how == "folder":
        path.unlink()
        path.mkdir()
    elif how == "fifo":
        path.unlink()
        os.mkfifo(path)
    elif how == "swapped":
        path.write_bytes(rng.choice(files).read_bytes())
    else:
        path = folder / rng.choice(("image_feat.npy", "audio_feat.npy", "_feat.npy"))
        if path.is_symlink():  # an earlier damage
            path.unlink()
        if not path.exists() or path in files:
            path.write_bytes(rng.choice(arrays()))
    return f"{path.name} {how}"


def fuzz_folders(n: int, seed: int, only: int | None = None) -> Tally:
    """Damage a data folder once or twice and measure, import or plan on it: it works, or one line says why not."""
    tally = Tally(kind="folders")
    with tempfile.TemporaryDirectory() as place, elsewhere(Path(place)):
        for number in range(n) if only is None else [only]:
            rng = random.Random(f"{seed} folders {number}")
            folder = Path(place) / "data" / rng.choice(("set", "=1+1", "[x](y)", "a b", "-x", "é", "..x"))
            folder.mkdir(parents=True)
            for name, content in lists(rng).items():
                (folder / name).write_bytes(content)
            how = ", ".join(damage(folder, rng) for _ in range(rng.choice((1, 1, 1, 2))))
            argv = rng.choice(
                (
                    ["audit", folder, "--reports", "reports"],
                    ["import", folder, "--out", "new"],
                    ["import", folder / "set.inter", "--out", "new"],
                    ["run", "--datasets", folder, "--models", "Pop", "--dry-run", "--gpus", "none"],
                )
            )
            tally.enter(*command([*map(str, argv)], f"{number}: {how}: {argv[0]}"))
            for leftover in (folder, Path("new"), Path("reports"), Path("cache")):
                shutil.rmtree(leftover, ignore_errors=True)
    return tally
