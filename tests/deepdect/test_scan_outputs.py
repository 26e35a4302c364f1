"""JSONL and Parquet outputs: what a later scan finds in them, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deepdect import scan_parquet
from deepdect.scan_outputs import open_output
from deepdect.scan_rows import ScanError, failed_row

SHA = "a" * 64
MODEL = {"name": "m", "version": "1", "sha256": SHA}
KINDS = pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])


def row(name: str) -> dict:
    return failed_row(name, "broke.", MODEL, "fake")


def write(path, names, resume=False, complete=True) -> None:
    with open_output(path, resume, SHA) as output:
        for name in names:
            output.write(row(name))
        if complete:
            output.complete()


def read(path) -> list[dict]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_bytes().splitlines()]
    return pq.read_table(path).to_pylist()


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(scan_parquet, "ROWS_A_PART", 2)
    monkeypatch.setattr(scan_parquet, "ROWS_A_GROUP", 3)


@KINDS
def test_rows_come_back_as_they_were_written(tmp_path, suffix):
    path = tmp_path / "new" / f"out{suffix}"
    write(path, ["a", "b", "c", "d", "e"])
    assert read(path) == [row(name) for name in "abcde"]
    assert list(path.parent.iterdir()) == [path]  # no parts are left


@KINDS
def test_no_files_make_an_output_without_rows(tmp_path, suffix):
    write(tmp_path / f"out{suffix}", [])
    assert read(tmp_path / f"out{suffix}") == []


@KINDS
def test_an_output_goes_on_where_it_ended(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    write(path, ["a", "b", "c"], complete=False)
    with open_output(path, True, SHA) as output:
        assert (output.finished.rows, output.finished.failed) == (3, 3)
        assert [output.finished.take(name) for name in "abcd"] == [True, True, True, False]
        output.write(row("d"))
        output.complete()
    write(path, ["e"], resume=True)  # a complete one goes on too
    assert sorted(row["path"] for row in read(path)) == ["a", "b", "c", "d", "e"]


@KINDS
def test_an_existing_output_is_refused_without_resume(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    write(path, ["a"], complete=False)
    with pytest.raises(ScanError, match="there already: add --resume"):
        open_output(path, False, SHA)
    write(path, [], resume=True)
    with pytest.raises(ScanError, match="there already: add --resume"):
        open_output(path, False, SHA)
    assert len(read(path)) == 1


@KINDS
def test_an_output_of_other_weights_is_refused(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    write(path, ["a"])
    with pytest.raises(ScanError, match=f"other weights .sha256 {SHA[:16]}….*{'b' * 16}"):
        open_output(path, True, "b" * 64)
    assert len(read(path)) == 1


@KINDS
def test_two_scans_do_not_write_to_one_output(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    with open_output(path, False, SHA) as output:
        output.write(row("a"))
        with pytest.raises(ScanError, match="another scan is writing"):
            open_output(path, True, SHA)


@KINDS
def test_a_failure_before_the_first_row_leaves_nothing(tmp_path, suffix):
    with pytest.raises(ScanError, match="no runtime"), open_output(tmp_path / f"out{suffix}", False, SHA):
        raise ScanError("no runtime")
    assert not list(tmp_path.iterdir())


def test_a_file_of_one_strange_line_is_not_taken_for_a_torn_row(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_bytes(b'{"my": "precious single line, no newline"}')
    with pytest.raises(ScanError, match="line 1 is not a row"):
        open_output(path, True, SHA)
    assert path.read_bytes() == b'{"my": "precious single line, no newline"}'


def test_a_strange_part_is_named_and_a_refusal_leaves_nothing(tmp_path):
    path = tmp_path / "out.parquet"
    path.write_bytes(b"foo")
    with pytest.raises(ScanError, match="is damaged"):
        open_output(path, True, SHA)
    assert [file.name for file in tmp_path.iterdir()] == ["out.parquet"]
    path.unlink()
    (tmp_path / "out.parquet.parts").mkdir()
    (tmp_path / "out.parquet.parts" / "mine.parquet").write_bytes(b"foo")
    with pytest.raises(ScanError, match=r"mine.parquet: is no part of a scan"):
        open_output(path, True, SHA)
    assert (tmp_path / "out.parquet.parts" / "mine.parquet").read_bytes() == b"foo"


@pytest.mark.parametrize("torn", [b'{"path": "c", "sta', b"\0\0\0\0", json.dumps(row("c")).encode()])
def test_a_torn_last_line_is_cut_off(tmp_path, torn):
    path = tmp_path / "out.jsonl"
    write(path, ["a", "b"])
    with path.open("ab") as file:
        file.write(torn)
    with open_output(path, True, SHA) as output:
        assert not output.finished.take("c")
        output.write(row("c"))
    assert read(path) == [row("a"), row("b"), row("c")]


def test_a_line_that_is_no_row_is_named(tmp_path):
    path = tmp_path / "out.jsonl"
    write(path, ["a"])
    with path.open("ab") as file:
        file.write(b"hello\n")
    before = path.read_bytes()
    with pytest.raises(ScanError, match="line 2 is not a row of a scan"):
        open_output(path, True, SHA)
    assert path.read_bytes() == before


def test_parts_left_by_a_kill_are_read_once(tmp_path):
    """Killed after the merge with its parts still there, and another time in the middle of a part and of the merge."""
    path, parts = tmp_path / "out.parquet", tmp_path / "out.parquet.parts"
    write(path, ["a", "b", "c"], complete=False)
    shutil.copytree(parts, tmp_path / "copy")
    write(path, [], resume=True)
    shutil.copytree(tmp_path / "copy", parts)
    (parts / "00000003.tmp").write_bytes(b"PAR1 half")
    (parts / "merged.tmp").write_bytes(b"PAR1 half")
    with open_output(path, True, SHA) as output:
        assert output.finished.rows == 3
        output.write(row("d"))
    assert os.listdir(parts) == ["00000003.parquet"]
    write(path, ["e"], resume=True)
    assert [row["path"] for row in read(path)] == ["a", "b", "c", "d", "e"]
    assert pq.ParquetFile(path).num_row_groups == 2  # 3 rows each at most here


def test_a_parquet_file_of_something_else_is_refused(tmp_path):
    path = tmp_path / "out.parquet"
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(ScanError, match="columns are not those of a scan"):
        open_output(path, True, SHA)
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(ScanError, match="damaged"):
        open_output(path, True, SHA)


def test_parquet_escapes_what_is_not_utf8(tmp_path):
    write(tmp_path / "out.parquet", ["b\udcff.jpg"])
    assert read(tmp_path / "out.parquet")[0]["path"] == "b\\udcff.jpg"
    with open_output(tmp_path / "out.parquet", True, SHA) as output:
        assert output.finished.take("b\udcff.jpg")


def test_other_suffixes_and_places_are_refused(tmp_path):
    with pytest.raises(ScanError, match="must end in .jsonl or .parquet"):
        open_output(tmp_path / "out.csv", False, SHA)
    (tmp_path / "file").touch()
    with pytest.raises(ScanError, match="cannot be written"):
        open_output(tmp_path / "file" / "out.jsonl", False, SHA)


def test_files_of_others_are_left_where_parts_were(tmp_path):
    parts = tmp_path / "out.parquet.parts"
    with open_output(tmp_path / "out.parquet", False, SHA) as output:
        (parts / ".DS_Store").touch()
        (parts / "mine.txt").touch()
        output.complete()
    assert [file.name for file in parts.iterdir()] == ["mine.txt"]


def test_a_row_is_on_its_way_as_soon_as_it_is_written(tmp_path):
    with open_output(tmp_path / "out.jsonl", False, SHA) as output:
        output.write(row("a"))
        assert (tmp_path / "out.jsonl").read_bytes().endswith(b"\n")


def test_a_part_is_written_after_a_while(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(scan_parquet.time, "monotonic", lambda: now[0])
    with open_output(tmp_path / "out.parquet", False, SHA) as output:
        output.write(row("a"))
        assert not output._parts()
        now[0] = scan_parquet.SECONDS_A_PART
        output.write(row("b"))
        assert len(output._parts()) == 1
