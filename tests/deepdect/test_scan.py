"""Scans end to end: the command as users call it with the real model, and many kills with a cheap worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from deepdect import scan as module
from deepdect.__main__ import app
from deepdect.scan import scan
from deepdect.scan_rows import ScanError, plain_text

ROOT = Path(__file__).resolve().parents[2]
FAKE = Path(__file__).with_name("scan_fake.py")
COMMAND = [sys.executable, "-m", "deepdect", "scan"]


@pytest.fixture(scope="module")
def pictures(astronaut, tmp_path_factory) -> Path:
    """Eleven files: five with her face, one without, and five that cannot be read."""
    folder = tmp_path_factory.mktemp("scan")
    (folder / "sub" / "folder.jpg").mkdir(parents=True)
    photo = Image.fromarray(astronaut)
    photo.save(folder / "a.jpg", quality=92)
    photo.crop((100, 0, 350, 250)).save(folder / "b.png")
    photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((256, 256)).save(folder / "sub" / "c.webp")
    pair = Image.new("RGB", (500, 250))
    for x in (0, 250):
        pair.paste(photo.crop((100, 0, 350, 250)), (x, 0))
    pair.save(folder / "sub" / "pair.bmp")
    photo.convert("L").crop((100, 0, 350, 250)).save(folder / "sub" / "grün.tiff")
    Image.fromarray(np.full((200, 300, 3), 128, np.uint8)).save(folder / "grey.png")
    whole = (folder / "a.jpg").read_bytes()
    (folder / "torn.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.gif").touch()
    (folder / "gone.jpg").symlink_to("nowhere.jpg")
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/not-utf8-\xff.jpg")).write_bytes(b"hello")
    except OSError:  # some file systems take UTF-8 only
        (folder / "text.jpg").write_bytes(b"hello")
    return folder


@pytest.fixture(scope="module")
def files(pictures) -> list[str]:
    return sorted(str(file) for file in pictures.rglob("*") if not file.is_dir() or file.suffix)


@pytest.fixture(scope="module")
def expected(files, detector) -> dict[str, dict]:
    """What one-by-one analysis says of each file."""
    return {path: timeless(detector.analyze(path).to_json()) for path in files}


def timeless(row: dict) -> dict:
    assert row.pop("elapsed_ms") >= 0
    return row


def by_path(rows: list[dict]) -> dict[str, dict]:
    assert len({row["path"] for row in rows}) == len(rows)
    return {row["path"]: timeless(row) for row in rows}


def test_a_listed_scan_equals_one_by_one_analysis(files, expected, tmp_path):
    """The command, its list on standard input, JSONL."""
    output = tmp_path / "out.jsonl"
    done = subprocess.run(
        [*COMMAND, "-", "--output", output, "--workers", "2"],
        cwd=ROOT,
        input=b"".join(os.fsencode(path) + b"\n" for path in files),
        capture_output=True,
        check=False,
    )
    errors = done.stderr.decode()
    assert done.returncode == 1, errors
    assert not done.stdout and "Traceback" not in errors
    assert "11 rows in " in errors and "6 without a verdict" in errors and "/s" in errors
    rows = by_path([json.loads(line) for line in output.read_bytes().splitlines()])
    assert rows == expected
    assert Counter(row["status"] for row in rows.values())["ok"] == 5


def test_a_folder_scan_equals_one_by_one_analysis(pictures, expected, tmp_path):
    """The library, a folder, Parquet."""
    outcome = scan(str(pictures), tmp_path / "out.parquet", workers=1)
    assert (outcome.rows, outcome.failed) == (11, 6)
    plain = {
        plain_text(path): row | {"path": plain_text(path), "message": plain_text(row["message"])}
        for path, row in expected.items()
    }
    assert by_path(pq.read_table(tmp_path / "out.parquet").to_pylist()) == plain


def test_the_list_of_files_is_not_written_over(tmp_path):
    listed = tmp_path / "list.jsonl"
    listed.write_text("a.png")
    with pytest.raises(ScanError, match="is the list of files itself"):
        scan(str(listed), listed, workers=1, resume=True)
    assert listed.read_text() == "a.png"


def hear_ctrl_c() -> None:
    """A shell's background jobs, such as a whole test run, inherit deaf ears."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_says_how_to_go_on_and_resume_ends_with_status_zero(pictures, tmp_path):
    listed, output = tmp_path / "list.txt", tmp_path / "out.jsonl"
    listed.write_text(f"{pictures / 'b.png'}\n" * 60)
    command = [*COMMAND, listed, "--output", output, "--workers", "1"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c) as process:
        wait_for(lambda: lines(output) >= 2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "--resume goes on" in errors and "Traceback" not in errors
    assert 2 <= lines(output) < 60
    done = subprocess.run([*command, "--resume"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [timeless(json.loads(line)) for line in output.read_bytes().splitlines()]
    assert len(rows) == 60 and all(row == rows[0] for row in rows)


def test_an_output_of_another_list_is_told_apart(tmp_path):
    output, one, other = (tmp_path / name for name in ("out.jsonl", "one.txt", "other.txt"))
    one.write_text("a\nb\n")
    other.write_text("b\nc\n")
    assert scan(str(one), output, workers=1, worker=[str(FAKE)]).others == 0
    outcome = scan(str(other), output, workers=1, resume=True, worker=[str(FAKE)])
    assert (outcome.rows, outcome.others) == (3, 1)


def test_a_folder_without_pictures_is_no_success(tmp_path):
    (tmp_path / "photos" / "deeper").mkdir(parents=True)
    (tmp_path / "photos" / "notes.txt").touch()
    output = tmp_path / "out.jsonl"
    with pytest.raises(ScanError, match="photos: no file here or below has a picture's name"):
        scan(str(tmp_path / "photos"), output, workers=1, worker=[str(FAKE)])
    assert not output.exists()


DRIVER = """
import sys
from pathlib import Path
from deepdect import scan_parquet
from deepdect.scan import scan
scan_parquet.ROWS_A_PART = 7
scan(sys.argv[1], Path(sys.argv[2]), workers=2, resume=True, worker=[sys.argv[3]])
"""


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_kill_after_kill_loses_and_repeats_nothing(tmp_path, suffix):
    """Three scans are killed with their rows half written, the fourth one ends; one file is listed twice."""
    listed, output = tmp_path / "list.txt", tmp_path / f"out{suffix}"
    names = [f"{number}-slow{'-raise' * (number % 50 == 0)}" for number in range(300)] + ["7-slow"]
    listed.write_text("".join(f"{name}\n" for name in names))
    command = [sys.executable, "-c", DRIVER, listed, output, FAKE]

    def progress() -> int:
        return lines(output) if suffix == ".jsonl" else 7 * len(list(tmp_path.glob("out.parquet.parts/*.parquet")))

    for aim in (30, 90, 160):
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
            wait_for(lambda aim=aim: progress() >= aim)
            process.kill()
        assert process.returncode == -signal.SIGKILL, "the scan ended before it was killed"
    assert aim <= progress() < len(names)
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    if suffix == ".jsonl":
        rows = [json.loads(line) for line in output.read_bytes().splitlines()]
    else:
        rows = pq.read_table(output).to_pylist()
    whole = tmp_path / f"whole{suffix}"
    assert Counter(row["path"] for row in rows) == Counter(names)
    assert {row["path"]: row["status"] == "unreadable" for row in rows} == {name: "raise" in name for name in names}
    assert scan(str(listed), whole, workers=1, worker=[str(FAKE)]).rows == len(rows)
    uninterrupted = (
        [json.loads(line) for line in whole.read_bytes().splitlines()]
        if suffix == ".jsonl"
        else pq.read_table(whole).to_pylist()
    )
    assert sorted(map(comparable, rows)) == sorted(map(comparable, uninterrupted))


def comparable(row: dict) -> str:
    return json.dumps(timeless(row))


def lines(file: Path) -> int:
    return file.read_bytes().count(b"\n") if file.exists() else 0


def wait_for(reached, seconds: float = 120) -> None:
    """Until something is true; the limit only ends a test that hangs."""
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.005)


def test_bad_usage_is_status_two_and_says_what_to_do(pictures, tmp_path):
    there = tmp_path / "there.jsonl"
    there.touch()
    for arguments, words in [
        ((pictures, "--output", there), "--resume"),
        ((pictures, "--output", tmp_path / "out.csv"), ".jsonl or .parquet"),
        ((tmp_path / "missing", "--output", tmp_path / "out.jsonl"), "no such folder or list"),
        ((pictures / "a.jpg", "--output", tmp_path / "out.jsonl"), "analyze"),
        ((pictures, "--output", tmp_path / "out.jsonl", "--address", "auto"), "engine ray"),
        ((pictures,), "--output"),
        ((pictures, "--output", tmp_path / "out.jsonl", "--workers", "0"), "--workers"),
    ]:
        result = CliRunner().invoke(app, ["scan", *map(str, arguments)])
        assert result.exit_code == 2, arguments
        assert words in " ".join(result.stderr.split()), arguments
    assert [file.name for file in tmp_path.iterdir()] == ["there.jsonl"]


def test_a_runtime_that_cannot_be_had_is_status_two_and_leaves_no_output(pictures, tmp_path):
    result = CliRunner().invoke(
        app,
        ["scan", str(pictures), "--output", str(tmp_path / "out.jsonl"), "--workers", "1"],
        env={"DEEPDECT_RUNTIME": "quantum"},
    )
    assert result.exit_code == 2 and "quantum" in result.stderr
    assert not list(tmp_path.iterdir())


def test_ray_that_is_not_installed_is_named(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr("deepdect.scan.find_spec", lambda name: None)
    with pytest.raises(ScanError, match="pip install -r requirements-ray.txt"):
        scan(str(pictures), tmp_path / "out.jsonl", engine="ray")
    assert not list(tmp_path.iterdir())


def test_other_weights_stop_the_scan(tmp_path, monkeypatch):
    (tmp_path / "list.txt").write_text("a\n")
    monkeypatch.setattr(module.weights, "load", lambda: SimpleNamespace(sha256="f" * 64))
    with pytest.raises(ScanError, match="other weights"):
        scan(str(tmp_path / "list.txt"), tmp_path / "out.jsonl", workers=1, worker=[str(FAKE)])
