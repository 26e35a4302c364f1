"""What a manifest may not be, and what is said of it."""

from __future__ import annotations

import pytest

from training.inputs import InputError
from training.items import read_items

HEADER = "path,split,label,source,kind,group"
ROW = "a.png,Train,Real,nasa,portrait,1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,source,group\na.png,nasa,1\n", "manifest.csv lacks split, label, kind: its first line must name"),
        (f"{HEADER}\n{ROW}\nb.png,Train,fake,nasa,portrait,1\n", "line 3: label must be one of Real, Fake; .* 'fake'"),
        (f"{HEADER}\nb.png,Dev,Fake,nasa,portrait,1\n", "line 2: split must be one of .*Test; received 'Dev'"),
        (f"{HEADER}\nb.png,Test,Fake,,portrait,1\n", "line 2: path, source and group must not be empty; .* ''"),
        (f"{HEADER}\nb.png,Test,Fake\n", "line 2: path, source and group must not be empty"),
        (f"{HEADER}\n{ROW}\n{ROW}\n", "manifest.csv names a.png more than once"),
        (f"{HEADER}\n", "no labelled pictures in .*: expected files in .* or a manifest.csv"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_where_and_why(tmp_path, text, words):
    (tmp_path / "manifest.csv").write_text(text)
    with pytest.raises(InputError, match=words):
        read_items(tmp_path)


def test_a_manifest_that_is_no_text_is_named(tmp_path):
    (tmp_path / "manifest.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="manifest.csv is no CSV file in UTF-8"):
        read_items(tmp_path)


def test_a_spreadsheets_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    (tmp_path / "manifest.csv").write_text(f"{HEADER}\n{ROW}\n", encoding="utf-8-sig")
    [item] = read_items(tmp_path)
    assert (item.path, item.label, item.age) == ("a.png", 0, "")
