"""Workers that die, and what becomes of their files. The worker is `scan_fake.py`, without a network."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import pytest

from deepdect.scan_pool import DEATHS, Pool
from deepdect.scan_rows import ScanError

FAKE = str(Path(__file__).with_name("scan_fake.py"))


def test_a_row_a_file_whatever_becomes_of_the_workers(tmp_path, capfd):
    names = [*map(str, range(6)), "raise", "once", "kill", "bad\udcff", "new\nline", "0", *map(str, range(6, 12))]
    paths = [str(tmp_path / name) for name in names]
    with Pool(2, [FAKE]) as pool:
        rows = list(pool.analyze(paths))
        assert [row["path"] for row in pool.analyze(paths[:1])] == paths[:1]  # the pool is still good
    assert sorted(row["path"] for row in rows) == sorted(paths)
    by_name = {row["path"].removeprefix(f"{tmp_path}/"): row for row in rows}
    assert by_name["once"]["message"] == "seen once"
    assert {name for name, row in by_name.items() if row["status"] == "unreadable"} == {"kill", "raise"}
    assert "ended the worker process 2 times (the last time: killed by SIGKILL)" in by_name["kill"]["message"]
    assert "could not be analysed (RuntimeError: a fault)" in by_name["raise"]["message"]
    assert list(by_name["kill"]) == list(by_name["0"])
    captured = capfd.readouterr()
    assert "noise" in captured.err and not captured.out


def test_paths_are_taken_as_they_are_needed():
    taken = count()
    with Pool(1, [FAKE]) as pool:
        rows = pool.analyze(str(number) for number in taken)  # endless
        assert [next(rows)["path"] for _ in range(5)] == ["0", "1", "2", "3", "4"]
        assert next(taken) <= 6


def test_relative_paths_begin_in_the_folder_given(tmp_path):
    with Pool(1, [FAKE], str(tmp_path)) as pool:
        assert [row["path"] for row in pool.analyze(["once"])] == ["once"]
    assert (tmp_path / "once.seen").exists()


def test_a_worker_that_refuses_or_dies_at_the_start_stops_the_scan():
    with Pool(1, [FAKE, "--refuse"]) as pool, pytest.raises(ScanError, match="no such runtime"):
        list(pool.analyze(["a"]))
    with Pool(1, [FAKE, "--die"]) as pool, pytest.raises(ScanError, match="die while they start.*exit status 3"):
        list(pool.analyze(["a"]))


def test_workers_end_with_the_pool():
    with Pool(2, [FAKE]) as pool:
        processes = [worker.process for worker in pool._workers]
    assert all(process.returncode == -9 for process in processes)
    assert sys.executable == processes[0].args[0]


def test_a_file_may_end_two_workers(monkeypatch):
    with Pool(1, [FAKE]) as pool:
        ends, replace_ = [], pool._replace
        monkeypatch.setattr(pool, "_replace", lambda dead: ends.append(1) or replace_(dead))
        list(pool.analyze(["kill"]))
    assert len(ends) == DEATHS == 2


def test_who_ends_by_itself_was_not_killed():
    with Pool(1, [FAKE]) as pool:
        [row] = pool.analyze(["leave"])
    assert "ended the worker process 2 times (the last time: exit status 4)" in row["message"]
