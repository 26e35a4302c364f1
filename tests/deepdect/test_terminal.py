"""What is printed is what was meant, whatever a file is called and whatever the terminal can show."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from deepdect import terminal

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", ["a:smile:.png", "trail\\", "[red]a[/red].png"])
def test_names_are_printed_as_they_are(name, capsys):
    terminal.console.print(f"{terminal.shown(name)}: [red]no[/red]")
    terminal.console.print(f"[dim]{terminal.shown(Path(name))} is there[/dim]")
    assert capsys.readouterr().out == f"{name}: no\n{name} is there\n"


def test_a_name_cannot_colour_the_terminal():
    assert "\x1b" not in terminal.shown("a\x1b[31m") and "x1b" in terminal.shown("a\x1b[31m")


def test_a_long_path_is_not_broken(capsys):
    path = "/".join(["a long folder's name"] * 20)
    terminal.console.print(terminal.plain(path))
    assert capsys.readouterr().out == f"{path}\n"
    assert isinstance(terminal.errors, Console) and terminal.errors.stderr


def test_why_a_file_cannot_be_written_is_known_before_the_work(tmp_path):
    assert terminal.unwritable(tmp_path / "new.pdf") == ""
    (tmp_path / "there.pdf").touch()
    assert terminal.unwritable(tmp_path / "there.pdf") == ""
    assert "folder" in terminal.unwritable(tmp_path)
    assert "does not exist" in terminal.unwritable(tmp_path / "nowhere" / "a.pdf")
    if os.geteuid():  # root may write anywhere
        tmp_path.chmod(0o555)
        assert "permission" in terminal.unwritable(tmp_path / "new.pdf")


def test_letters_that_the_terminal_lacks_do_not_end_a_run():
    script = (
        "from deepdect import terminal; terminal.lenient(); terminal.console.print('a \\u7167'); "
        "terminal.print_json({'path': '\\u7167'})"
    )
    environment = os.environ | {"PYTHONIOENCODING": "latin-1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True)
    assert done.stdout == b'a \\u7167\n{"path": "\xe7\x85\xa7"}\n'


def test_who_stops_reading_is_no_failed_analysis():
    command = f"{sys.executable} -m deepdect --help | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() in {"0", "141"} and "Traceback" not in done.stderr


def test_pillows_warnings_are_not_printed_and_ours_are():
    script = "import warnings; from deepdect import terminal; terminal.lenient(); " + "".join(
        f"warnings.warn_explicit('of {module}', UserWarning, 'file.py', 1, module='{module}'); "
        for module in ("PIL.TiffImagePlugin", "deepdect.images")
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines() == ["file.py:1: UserWarning: of deepdect.images"]
