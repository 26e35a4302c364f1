"""The Space's folder, and the front matter that configures it."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from deepdect.ui import space


def front_matter() -> dict[str, object]:
    _, matter, _ = (space.ROOT / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(matter)


def test_the_front_matter_is_what_hugging_face_reads():
    matter = front_matter()
    assert (matter["sdk"], matter["app_file"], matter["license"]) == ("gradio", "app.py", "other")
    assert f"gradio=={matter['sdk_version']} " in (space.ROOT / "requirements.lock").read_text()
    assert str(matter["python_version"]) in {"3.11", "3.12", "3.13"}
    assert 0 < len(str(matter["short_description"])) <= 60 and matter["tags"]


def test_the_folder_is_whole_and_runs_from_itself(tmp_path):
    folder = tmp_path / "space"
    space.build(folder)
    (folder / "left over.txt").write_text("of an earlier version")
    (folder / ".git").mkdir()
    space.build(folder)
    assert not (folder / "left over.txt").exists() and (folder / ".git").is_dir()
    assert sum(file.stat().st_size for file in (folder / "models").iterdir()) < 80_000_000
    pinned = (folder / "requirements.txt").read_text()
    assert re.search(r"^gradio==[\d.]+$", pinned, re.M) and "--hash" not in pinned and "\\" not in pinned
    script = "import app, deepdect; print(deepdect.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env={}, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).is_relative_to(folder)


def test_another_folder_is_not_touched(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    (tmp_path / "app.py").write_text("# somebody else's app, or this project's own folder")
    with pytest.raises(FileExistsError, match="holds other files"):
        space.build(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_what_the_host_installs_beside_ours_is_left_to_it():
    """Hugging Face installs `gradio[oauth,mcp]` in the same step, which limits other packages' versions."""
    ours = Requirement("gradio[oauth,mcp]")
    limits: dict[str, SpecifierSet] = {}
    for text in metadata.requires("gradio") or []:
        wanted = Requirement(text)
        if not wanted.marker or any(wanted.marker.evaluate({"extra": extra}) for extra in ("", *ours.extras)):
            name = canonicalize_name(wanted.name)
            limits[name] = limits.get(name, SpecifierSet()) & wanted.specifier
    pinned = [Requirement(line) for line in space.pins((space.ROOT / "requirements.lock").read_text()).splitlines()]
    assert "mcp" in limits and len(pinned) > 40
    for one in pinned:
        [version] = [specifier.version for specifier in one.specifier]
        assert limits.get(canonicalize_name(one.name), SpecifierSet()).contains(version, prereleases=True), one


def test_pins_are_one_a_line():
    lock = """# by uv
a==1 ; python_version < '3.12' \\
    --hash=sha256:00 \\
    --hash=sha256:11
    # via b
b[x]==2 \\
    --hash=sha256:22
"""
    assert space.pins(lock) == "a==1 ; python_version < '3.12'\nb[x]==2\n"
