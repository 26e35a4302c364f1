"""Commands that are given what they cannot use: one clear line and status 2, and nothing is lost."""

from __future__ import annotations

import hashlib
import shutil
from itertools import count
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import typer

from deepdect import weights
from training import ablation, compare, contact_sheet, evaluate, export, familiarity, parity, robustness, soup, train
from training.inputs import InputError, chosen_runtime, command, read_network, read_weights, telling


def told(main, capsys, monkeypatch, *arguments: object) -> str:
    """What a command that refuses these arguments prints, its box and line breaks left out."""
    monkeypatch.setattr("sys.argv", ["command", *map(str, arguments)])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        command(main)
    assert ended.value.code == 2
    return " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_an_input_error_is_told_as_a_bad_option_is(capsys, monkeypatch):
    def main(count: Annotated[int, typer.Option()] = 1) -> None:
        raise InputError(f"no {count} files")

    assert "no 3 files" in told(main, capsys, monkeypatch, "--count", 3)
    assert "--count" in told(main, capsys, monkeypatch, "--count", "x")


def test_an_error_of_ours_is_not_told_as_one_of_the_input(monkeypatch):
    def main() -> None:
        raise ValueError("a bug")

    monkeypatch.setattr("sys.argv", ["command"])
    with pytest.raises(ValueError, match="a bug"):
        command(main)


@pytest.mark.parametrize(
    "main",
    [ablation.main, contact_sheet.main, evaluate.main, familiarity.main, parity.main, robustness.main, train.main],
)
def test_a_folder_that_is_not_there_is_named(main, capsys, monkeypatch, tmp_path):
    arguments = [tmp_path / "nowhere", "--cache", tmp_path / "crops"]
    assert f"no labelled pictures in {tmp_path}/nowhere" in told(main, capsys, monkeypatch, *arguments)


@pytest.mark.parametrize("main", [export.main, compare.main])
def test_weights_that_are_none_are_named_before_any_work(main, capsys, monkeypatch, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("# no weights")
    arguments = [readme, tmp_path, "--version", "1"] if main is export.main else [tmp_path, readme]
    assert f"{readme}: expected weights (.npz)" in told(main, capsys, monkeypatch, *arguments)


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def test_an_export_that_fails_leaves_what_is_shipped(capsys, monkeypatch, tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    for name in (weights.WEIGHTS_FILE, weights.CALIBRATION_FILE, weights.INT8_GRAPH, weights.FAMILIARITY_FILE):
        (models / name).write_text(name)
    before = digests(models)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    options = ["--version", "1", "--models", models, "--cache", tmp_path / "crops"]
    said = told(export.main, capsys, monkeypatch, tmp_path / "other.npz", tmp_path, *options)
    assert "other.npz holds no Deep Dect network" in said
    said = told(export.main, capsys, monkeypatch, weights.load().file, tmp_path, *options)
    assert "no labelled pictures in" in said
    assert digests(models) == before


def test_shipping_removes_what_was_made_of_the_old_weights(tmp_path):
    staged, models = tmp_path / "staged", tmp_path / "models"
    staged.mkdir()
    models.mkdir()
    for name in (weights.INT8_GRAPH, weights.INT8_CHECKSUM_FILE, weights.FAMILIARITY_FILE, "LICENSE"):
        (models / name).write_text("old")
    (staged / weights.CALIBRATION_FILE).write_text("new")
    export.ship(staged, models)
    assert {file.name: file.read_text() for file in models.iterdir()} == {
        "LICENSE": "old",
        weights.CALIBRATION_FILE: "new",
    }


def test_an_export_that_breaks_off_amid_its_move_leaves_what_is_refused(tmp_path, monkeypatch):
    staged, models = tmp_path / "staged", tmp_path / "models"
    names = (weights.WEIGHTS_FILE, weights.CHECKSUM_FILE, weights.CALIBRATION_FILE)
    for folder in (staged, models):
        folder.mkdir()
        for name in names:
            (folder / name).write_bytes((weights.FOLDER / name).read_bytes())
    move = shutil.move
    for stop in range(len(names)):
        weights.load(models)
        made = Path(shutil.copytree(staged, tmp_path / f"staged-{stop}"))
        left = count()

        def full_disk(file: Path, target: Path, stop=stop, left=left) -> None:
            if next(left) == stop:
                raise OSError(28, "No space left on device")
            move(file, target)

        with monkeypatch.context() as patched, pytest.raises(OSError, match="No space"):
            patched.setattr("training.export.shutil.move", full_disk)
            export.ship(made, models)
        with pytest.raises(weights.WeightsError):
            weights.load(models)
        shutil.copytree(staged, models, dirs_exist_ok=True)


def test_a_table_of_familiar_faces_comes_back_after_an_error(tmp_path):
    file = tmp_path / "familiarity.npz"
    file.write_text("table")
    with pytest.raises(RuntimeError), familiarity._set_aside(file):
        assert not file.exists()
        raise RuntimeError
    assert file.read_text() == "table"


def test_a_result_that_could_not_be_written_is_refused_before_the_work(capsys, monkeypatch, tmp_path):
    nowhere = tmp_path / "nowhere" / "m.json"
    said = told(evaluate.main, capsys, monkeypatch, tmp_path, "--output", nowhere)
    assert f"--output {nowhere}: cannot be written: its folder does not exist" in said


def test_weights_of_two_networks_have_no_mean(capsys, monkeypatch, tmp_path):
    for name, size in (("a", 2), ("b", 3)):
        np.savez(tmp_path / f"{name}.npz", x=np.zeros(size))
    arguments = [tmp_path / "a.npz", tmp_path / "b.npz", "--output", tmp_path / "c.npz"]
    assert "weights 2 are of another network than the first: see x" in told(soup.main, capsys, monkeypatch, *arguments)


@pytest.mark.parametrize(
    ("name", "array", "words"),
    [
        ("conv1_conv/kernel", np.zeros((7, 7, 2, 64)), "odd.npz holds no Deep Dect network"),
        ("conv1_conv/kernel", np.zeros((7, 7, 3, 8)), "odd.npz, conv1_bn/gamma: expected shape .8., received .64."),
        ("conv1_conv/kernel", np.zeros(()), "odd.npz, conv1_bn/gamma: expected shape .., received .64."),
        ("conv1_bn/gamma", np.zeros(1), "odd.npz, conv1_bn/gamma: expected shape .64., received .1."),
    ],
)
def test_another_network_is_refused(name, array, words, tmp_path):
    np.savez(tmp_path / "odd.npz", **read_weights(weights.load().file) | {name: array})
    with pytest.raises(InputError, match=words):
        read_network(tmp_path / "odd.npz", tmp_path / "graph.xml")


def test_weights_whose_data_are_damaged_are_named(tmp_path):
    file = tmp_path / "damaged.npz"
    np.savez_compressed(file, a=np.random.default_rng(0).random(1000))
    data = bytearray(file.read_bytes())
    data[200:220] = bytes(20)
    file.write_bytes(data)
    with pytest.raises(InputError, match="damaged.npz: expected weights"):
        read_weights(file)


def test_a_reader_that_has_gone_is_no_bad_input():
    def main() -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        telling(main)()


def test_the_runtime_is_the_options_else_the_environments(monkeypatch):
    monkeypatch.setenv("DEEPDECT_RUNTIME", "openvino-f32")
    assert (chosen_runtime(None), chosen_runtime("openvino-int8")) == ("openvino-f32", "openvino-int8")
    monkeypatch.setenv("DEEPDECT_RUNTIME", "abacus")
    with pytest.raises(InputError, match="expected one of auto, .*; received 'abacus'"):
        chosen_runtime(None)
    monkeypatch.delenv("DEEPDECT_RUNTIME")
    assert chosen_runtime(None) == "auto"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--size", 100], "--size: expected a multiple of 32; received 100"),
        (["--only", "nosuchrow"], "--only: no row has 'nosuchrow' in its name"),
        (["--engine", "keras"], "--engine keras cannot run the rows with attention"),
    ],
)
def test_an_ablation_is_refused_before_its_first_row(options, words, capsys, monkeypatch, tmp_path):
    assert words in told(ablation.main, capsys, monkeypatch, tmp_path, *options)


def test_a_recipe_that_is_none_is_named(capsys, monkeypatch, tmp_path):
    recipe = tmp_path / "r.yaml"
    for text, words in (
        ("a: [", "is no recipe"),
        ("just words", "is no recipe"),
        ("rate: 1", "is no recipe: it lacks 'phases'"),
        ("phases: []\nspeed: 3", "unexpected keyword argument 'speed'"),
    ):
        recipe.write_text(text)
        assert words in told(train.main, capsys, monkeypatch, tmp_path, "--recipe", recipe)
