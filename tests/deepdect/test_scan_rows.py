"""Rows as bytes, and the memory of what is finished."""

from __future__ import annotations

import json

from deepdect.scan_rows import Finished, failed_row, json_line

MODEL = {"name": "m", "version": "1", "sha256": "0" * 64}


def test_a_line_is_utf8_unless_its_path_cannot_be():
    assert json_line({"path": "grün.jpg"}) == '{"path": "grün.jpg"}\n'.encode()
    line = json_line({"path": "b\udcff.jpg"})
    assert line == b'{"path": "b\\udcff.jpg"}\n'
    assert json.loads(line)["path"].encode("utf-8", "surrogateescape") == b"b\xff.jpg"


def test_a_failed_row_follows_the_contract_and_escapes_the_name():
    row = failed_row("a\nb.jpg", "broke.", MODEL, "fake")
    assert (row["path"], row["status"], row["message"]) == ("a\nb.jpg", "unreadable", "a\\nb.jpg: broke.")
    assert failed_row("grün\n\udcff.jpg", "broke.", MODEL, "fake")["message"] == r"grün\n\udcff.jpg: broke."
    assert (row["verdict"], row["faces"], row["model"], row["runtime"]) == (None, [], MODEL, "fake")


def test_a_path_is_finished_as_often_as_it_has_rows():
    finished = Finished()
    for path, status in (("a", "ok"), ("b", "no_face"), ("a", "ok"), ("c\udcff", "unreadable")):
        finished.add(path, status)
    assert (finished.rows, finished.failed) == (4, 2)
    taken = [path for path in ("a", "a", "a", "b", "x", "c\udcff") if finished.take(path)]
    assert taken == ["a", "a", "b", "c\udcff"]
    assert not finished.take("b")


def test_left_counts_rows_and_not_paths(tmp_path):
    f = Finished()
    for p in ("a", "a", "b"):
        f.add(p, "ok")
    f.take("b")
    assert f.left == 2
