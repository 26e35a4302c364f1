"""The scan's benchmark, tiny: that it measures the real command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer import Typer
from typer.testing import CliRunner

from benchmarks import scan

pytestmark = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc")
app = Typer()
app.command()(scan.main)


def test_a_tiny_run_prints_a_line_a_number_of_workers(tmp_path):
    Image.new("RGB", (64, 64), "grey").save(tmp_path / "grey.png")
    result = CliRunner().invoke(app, [str(tmp_path), "--rows", "20", "--workers", "1"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    cells = [cell.strip() for cell in result.stdout.splitlines()[3].split("│")[1:-1]]
    assert cells[:2] == ["1", "20"] and cells[4] == "1.00"
    assert float(cells[3]) > 0


def test_rates_are_shown_as_multiples_of_the_first():
    shown = scan.table(
        [scan.Measurement(1, 100, 2.0, 5.0, 50, 400.0, 404.0), scan.Measurement(2, 100, 2.0, 9.5, 50, 800.0, 800.0)]
    )
    columns = {column.header: list(column.cells) for column in shown.columns}
    assert columns["ratio"] == ["1.00", "1.90"]
    assert columns["growth"] == ["+1.0%", "+0.0%"]


def test_the_memory_of_children_counts():
    hold = "import subprocess, sys; held = b'x' * (40 << 20); print(flush=True); sys.stdin.read()"
    start = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    with subprocess.Popen([sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        held = scan.tree_memory(process.pid)
        process.stdin.close()
    assert 40 << 20 < held < 120 << 20
    assert scan.tree_memory(process.pid) == 0
    assert scan.tree_memory(os.getpid()) > 0


@pytest.mark.parametrize(
    "arguments", [("missing",), (".", "--workers", "0"), (".", "--workers", "two"), (".", "--rows", "1")]
)
def test_bad_usage_is_status_two(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, list(arguments)).exit_code == 2
