"""Every format of a table, and broken ones named with file and line."""

import gzip

import pandas as pd
import pyarrow.parquet
import pytest

from bench.data.columns import column
from bench.data.tables import read_table
from bench.spec import BenchError

FRAME = pd.DataFrame({"user": ["007", "7", "NA"], "item": ["a", "b,c", "null"], "n": [1.5, 2, 3]})


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.txt", "t.parquet", "t.jsonl", "t.json", "t.csv.gz", "t.CSV"])
def test_formats_give_one_frame(tmp_path, name):
    path = tmp_path / name
    if ".json" in name:
        FRAME.to_json(path, orient="records", lines=True)
    elif name.endswith(".parquet"):
        FRAME.to_parquet(path)
    else:
        FRAME.to_csv(path, index=False, sep="\t" if ".tsv" in name else ";" if ".txt" in name else ",")
    found = read_table(path, as_text={"user", "item"})
    assert {name: found[name].tolist() for name in found} == FRAME.to_dict("list")


def test_recbole_types_are_cut_off_and_marks_of_byte_order_too(tmp_path):
    (tmp_path / "t.inter").write_bytes("\ufeffuser_id:token\titem_id:token\tx_label:float\r\n01\tx\t2\r\n".encode())
    found = read_table(tmp_path / "t.inter", as_text={"user_id"})
    assert found.to_dict("list") == {"user_id": ["01"], "item_id": ["x"], "x_label": [2]}


@pytest.mark.parametrize("name", ["t.tsv", "t.inter", "t.txt", "t.tsv.gz"])
def test_a_quote_in_text_with_tabs_is_a_letter(tmp_path, name):
    """In quotes, the first title would go on to the second, and the line of item b be lost."""
    text = 'item\ttitle\tn\na\t"12 inch\t1\nb\tpan\t2\nc\t"best" cable"\t3\n'
    (tmp_path / name).write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    found = read_table(tmp_path / name).to_dict("list")
    assert found == {"item": ["a", "b", "c"], "title": ['"12 inch', "pan", '"best" cable"'], "n": [1, 2, 3]}


@pytest.mark.filterwarnings("error")
def test_a_column_has_one_type_however_long_the_file_is(tmp_path):
    """Read in pieces, 007 would be 7 in the first of them and 007 in the last."""
    (tmp_path / "t.csv").write_text("n,title\n" + "1,007\n" * 300_000 + "1,pan\n")
    assert read_table(tmp_path / "t.csv")["title"].unique().tolist() == ["007", "pan"]


def test_text_with_tabs_whose_names_stand_in_quotes(tmp_path):
    """As R writes it."""
    (tmp_path / "t.tsv").write_text('"item"\t"title"\n"a"\t"12"" pan"\n"b\tc"\t""\n')
    found = read_table(tmp_path / "t.tsv").to_dict("list")
    assert found == {"item": ["a", "b\tc"], "title": ['12" pan', ""]}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"", r"t\.csv cannot be read as a \.csv table \(its first line must hold the columns' names"),
        (
            "t.csv",
            b"a,b\n1,2,3\n",
            r"t\.csv cannot be read .* \(line 2 has 3 cells where the header has 2; put .* ',' in quotes\)",
        ),
        (
            "t.csv",
            b"1::1193::5::978300760\n",
            r"t\.csv cannot .* \(its columns are separated by ::, which is not read;",
        ),
        ("t.tsv", b'a\tb\n"1\t2\t3"\n', r"line 2 has 3 cells where the header has 2; a cell must not contain '\\t'"),
        ("t.csv", b'a,b\n"1\n2",2,3\n1,2,3\n', r"\(line 3 has 3 cells where the header has 2"),
        (
            "t.csv",
            b"a,b\n1,2\n1,2,3\n",
            r"t\.csv cannot .* \(line 3 has 3 cells where the header has 2; put a cell that contains ',' in quotes\)",
        ),
        (
            "t.inter",
            b"a\tb\n" + b"1\t2\n" * 300_000 + b"1\t2\t3\t4\n",
            r"t\.inter .* \(line 300002 has 4 cells where the header has 2; a cell must not contain '\\t'\)",
        ),
        ("t.item", b"a\tb\n1\n1\t2\t3\n1\t2\n", r"t\.item .* \(line 3 has 3 cells where the header has 2; a cell must"),
        ("t.csv", b'a,b\n1,"2\n3,4\n', r"t\.csv cannot .* \(line 2 has a quote that is not closed; close it, or write"),
        ("t.csv", b'a,b\n"1\n2",2\n\n5,"6\n', r"t\.csv .* \(line 5 has a quote that is not closed"),
        ("t.csv", b'a,b\n1,2\n1,"2\n' + b"3,4\n" * 60_000, r"t\.csv .* \(line 3 has a quote that is not closed"),
        ("t.csv", b"a,b\n1,x\0y\n", r"t\.csv cannot be read as a \.csv table \(line 2 has a zero byte, as files"),
        ("t.parquet", b"version https://git-lfs", r"t\.parquet cannot be read as a \.parquet table"),
        (
            "t.jsonl",
            b"<!DOCTYPE html>",
            r"t\.jsonl cannot be read as a \.jsonl table \(line 1: Expecting value at column 1;",
        ),
        (
            "t.jsonl",
            b'{"a": 1}\n\n{"a": }\n',
            r"t\.jsonl cannot .* \(line 3: Expecting value at column 7; each line must",
        ),
        ("t.jsonl", b'{"a": {"b": 1}}\n5\n', r"t\.jsonl cannot .* \(line 2: it is no object; each line must be one"),
        ("t.json", b'[{"a": 1}]', r"t\.json cannot .* \(line 1 begins an array; write one object per line"),
        ("t.jsonl", b'{"a": 1}\n' + b'{"a": ' * 10**5, r"t\.jsonl cannot .* \(line 2: it is no object; each line must"),
        ("t.xlsx", b"PK", r"t\.xlsx: its name must end in one of \.parquet"),
        ("t.csv.gz", b"a,b\n", r"t\.csv\.gz cannot be read as a \.csv table"),
    ],
)
def test_broken_tables(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BenchError, match=message) as caught:
        read_table(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["t.csv", "t.inter", "t.item", "t.tsv.gz", "t.jsonl"])
@pytest.mark.parametrize("number", [1, 2, 9_000])
def test_a_letter_that_is_not_utf_8(tmp_path, name, number):
    """Beyond the part of the file that is read for its header, too."""
    lines = ['{"a": 1}' if name == "t.jsonl" else "a,b"] * 10_000
    lines[number - 1] = lines[number - 1].replace("a", "\xe9")
    content = "\n".join(lines).encode("latin-1")
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    message = rf"{name} cannot be read .* \(line {number} has a letter that is not UTF-8; save the file in UTF-8\)"
    with pytest.raises(BenchError, match=message):
        read_table(tmp_path / name)


def test_a_gzip_that_is_cut_off(tmp_path):
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 1000)[:-20])
    with pytest.raises(BenchError, match=r"cannot be read as a \.csv table"):
        read_table(tmp_path / "t.csv.gz")


def test_a_gzip_with_a_byte_changed(tmp_path):
    """Zlib has an error of its own."""
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (n, n**3) for n in range(100)))
    for place in range(10, len(whole), 5):
        (tmp_path / "t.csv.gz").write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with pytest.raises(BenchError, match=r"t\.csv\.gz cannot be read as a \.csv table \("):
            read_table(tmp_path / "t.csv.gz")


def test_a_parquet_file_with_a_letter_changed(tmp_path):
    table = pyarrow.Table.from_pandas(FRAME)
    about = {b"pandas": table.schema.metadata[b"pandas"].replace(b"unicode", b"unocode")}
    pyarrow.parquet.write_table(table.replace_schema_metadata(about), tmp_path / "t.parquet")
    with pytest.raises(BenchError, match=r"t\.parquet cannot be read as a \.parquet table \("):
        read_table(tmp_path / "t.parquet")


def test_a_header_that_is_too_long_is_refused_once(tmp_path):
    (tmp_path / "t.csv").write_text("a" * 200_000 + ",b\n1,2\n")
    with pytest.raises(BenchError, match=r"t\.csv cannot be read as a \.csv table \(field larger than field limit"):
        read_table(tmp_path / "t.csv")


def test_missing_table_and_folder(tmp_path):
    with pytest.raises(BenchError, match=r"t\.csv is missing"):
        read_table(tmp_path / "t.csv")
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(BenchError, match=r"d\.csv is a folder"):
        read_table(tmp_path / "d.csv")


def test_each_column_of_a_file_keeps_its_name(tmp_path):
    """And pandas makes no user.1 of the second."""
    (tmp_path / "t.csv").write_text(",user:token,n,user\n0,007,1,9\n")
    found = read_table(tmp_path / "t.csv", as_text={"user"})
    assert list(found) == ["", "user", "n", "user"]
    assert found.iloc[0].tolist() == [0, "007", 1, "9"]
    with pytest.raises(BenchError, match="f: column user occurs twice; keep one"):
        column(found, ["user"], "f", "")
