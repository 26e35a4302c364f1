from __future__ import annotations

import csv
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import typer

from training.augment import Augmentation
from training.data import CropSet
from training.inputs import InputError
from training.items import Item
from training.recipe import Phase, Recipe
from training.train import batches, main, make_engine, train

RECIPE = Recipe(
    phases=[Phase(64, 48, 8), Phase(96, 16, 8)],
    rate=1e-2,
    warm_up=2,
    augmentation=Augmentation(paper_only=True),
    validate_every=24,
    validate_on=8,
)


@pytest.fixture(scope="module")
def crops() -> CropSet:
    """Sixteen noisy pictures, red ones fake and blue ones real."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 60, (16, 256, 256, 3), dtype=np.uint8)
    items = [Item(f"{n}.jpg", "Train", n % 2, "colours", "kind", str(n)) for n in range(16)]
    for n in range(16):
        pixels[n, ..., 0 if n % 2 else 2] += 150
    return CropSet(pixels, items, np.full(16, 176), [])


def engine():
    pytest.importorskip("keras", reason="Keras is not installed")
    from training.keras_engine import KerasEngine

    return KerasEngine(head_units=8, width=1 / 16, blocks=(0, 0, 0, 1), average=0.0)


def test_batches_resume_with_the_same_pictures(crops):
    whole = list(batches(crops, RECIPE, 0))
    rest = list(batches(crops, RECIPE, 40))
    assert [batch.pixels.shape[1] for batch in whole] == [64] * 6 + [96] * 2
    assert len(rest) == 3
    for batch, again in zip(whole[5:], rest, strict=True):
        np.testing.assert_array_equal(batch.pixels, again.pixels)
        np.testing.assert_array_equal(batch.labels, again.labels)


def test_processes_make_the_batches_that_a_thread_makes(crops):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    for here, there in zip(batches(crops, RECIPE, 0), batches(crops, RECIPE, 0, workers=2), strict=True):
        np.testing.assert_array_equal(here.pixels, there.pixels.numpy())
        np.testing.assert_array_equal(here.labels, there.labels.numpy())


class ClockedEngine:
    """Learns nothing, six seconds a step by its own clock. last: the step at which someone presses Ctrl+C."""

    def __init__(self, clock=0.0, last=0):
        self.clock, self.last, self.rates = clock, last, []

    def step(self, pixels, labels, rate, places=None):
        self.clock += 6
        self.rates.append(rate)
        if len(self.rates) == self.last:
            raise KeyboardInterrupt
        return 0.5

    def logits(self, pixels):
        return np.arange(len(pixels))

    def averaged_weights(self):
        return {}

    state = averaged_weights

    def load_state(self, state):
        assert not state  # the counters are not the engine's


def test_a_schedule_by_time_ends_with_the_minutes(crops, tmp_path, monkeypatch):
    """Six seconds a step, one minute: ten steps down the cosine, and the one that finds time up."""
    engine = ClockedEngine()
    monkeypatch.setattr("training.train.time.monotonic", lambda: engine.clock)
    endless = replace(RECIPE, phases=[Phase(64, 80_000, 8)], warm_up=1, rate=1.0, validate_every=80_000)
    train(crops, crops, endless, engine, tmp_path, minutes=1, by_time=True)
    expected = [0.01 + 0.99 * (1 + np.cos(np.pi * step / 10)) / 2 for step in range(11)]
    np.testing.assert_allclose(engine.rates, expected)
    with pytest.raises(ValueError, match="needs the minutes"):
        train(crops, crops, RECIPE, engine, tmp_path, by_time=True)


def test_a_stopped_schedule_by_time_goes_on_where_its_checkpoint_was(crops, tmp_path, monkeypatch):
    engine = ClockedEngine(last=5)
    monkeypatch.setattr("training.train.time.monotonic", lambda: engine.clock)
    endless = replace(RECIPE, phases=[Phase(64, 80_000, 8)], warm_up=1, rate=1.0)  # a checkpoint every third step
    with pytest.raises(KeyboardInterrupt):
        train(crops, crops, endless, engine, tmp_path, minutes=1, by_time=True)
    engine = ClockedEngine(clock=engine.clock + 1000)
    train(crops, crops, endless, engine, tmp_path, minutes=1, by_time=True)
    expected = [0.01 + 0.99 * (1 + np.cos(np.pi * step / 10)) / 2 for step in range(3, 11)]
    np.testing.assert_allclose(engine.rates, expected)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"recipe": replace(RECIPE, rate=0.5)}, "another recipe:"),
        ({"start": "imagenet"}, "another start:"),
        ({"train_crops": "fewer"}, "another choice of pictures:"),
        ({"recipe": replace(RECIPE, seed=1), "start": "imagenet"}, "another recipe, another start:"),
    ],
)
def test_another_run_does_not_go_on_from_a_checkpoint(changes, words, crops, tmp_path):
    given = {"train_crops": crops, "validation": crops, "recipe": RECIPE, "output": tmp_path}
    train(**given, engine=ClockedEngine())
    before = (tmp_path / "last.npz").read_bytes()
    if "train_crops" in changes:
        changes = {"train_crops": crops.take(np.arange(8))}
    with pytest.raises(InputError, match=f"last.npz is of a run with {words} give this one an --output of its own"):
        train(**given | changes, engine=ClockedEngine())
    assert (tmp_path / "last.npz").read_bytes() == before


def test_a_run_that_has_ended_takes_no_more_steps(crops, tmp_path, monkeypatch, capsys):
    seconds = count()
    monkeypatch.setattr("training.train.time.monotonic", lambda: float(next(seconds)))
    endless = replace(RECIPE, phases=[Phase(64, 80_000, 8)], patience=1)
    train(crops, crops, endless, ClockedEngine(), tmp_path / "patience")
    train(crops, crops, endless, ClockedEngine(), tmp_path / "time", minutes=0.01, by_time=True)
    train(crops, crops, RECIPE, ClockedEngine(), tmp_path / "images")
    capsys.readouterr()
    for name, recipe, minutes in (("patience", endless, None), ("time", endless, 0.01), ("images", RECIPE, None)):
        again = ClockedEngine()
        assert train(crops, crops, recipe, again, tmp_path / name, minutes=minutes, by_time=bool(minutes)) == {}
        assert again.rates == [] and "this run has ended, after" in capsys.readouterr().out


def test_the_speed_leaves_out_the_time_of_validation(crops, tmp_path, monkeypatch):
    class Slow(ClockedEngine):
        def logits(self, pixels):
            self.clock += 1000
            return super().logits(pixels)

    engine = Slow()
    monkeypatch.setattr("training.train.time.monotonic", lambda: engine.clock)
    train(crops, crops, RECIPE, engine, tmp_path)
    with (tmp_path / "log.csv").open() as stream:
        speeds = [float(row["images_per_second"]) for row in csv.DictReader(stream)]
    assert speeds == [1.33] * 3  # eight pictures in six seconds


def test_an_engine_that_there_is_not():
    with pytest.raises(ValueError, match="one of torch, .*received 'torch-gpu'"):
        make_engine("torch-gpu", RECIPE)


@pytest.mark.parametrize("name", ["attention", "sam", "drop_path"])
def test_what_only_the_torch_engines_have(name):
    words = rf"the recipe asks for {name} \(0.1\), which the torch engines alone have"  # and for nothing else
    with pytest.raises(ValueError, match=words):
        make_engine("keras", replace(RECIPE, **{name: 0.1}))


def test_processes_are_for_the_torch_engines(tmp_path):
    with pytest.raises(typer.BadParameter, match="--workers needs a torch engine"):
        main(tmp_path, Path("training/recipes/paper.yaml"), workers=2)


def test_a_run_learns_logs_and_leaves_its_best_weights(crops, tmp_path):
    # long enough for batch norm's running statistics to arrive, too
    recipe = replace(RECIPE, phases=[Phase(64, 160, 8), Phase(96, 40, 8)], validate_every=80)
    aucs = train(crops, crops, recipe, engine(), tmp_path)
    assert aucs["colours"] > 0.9
    with (tmp_path / "log.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(int(row["images"]), int(row["size"])) for row in rows] == [(80, 64), (160, 64), (200, 96)]
    with np.load(tmp_path / "best.npz", allow_pickle=False) as best:
        assert best["conv1_conv/kernel"].dtype == np.float16
        assert best["conv1_bn/moving_variance"].dtype == np.float32
    with np.load(tmp_path / "final.npz", allow_pickle=False) as final, np.load(tmp_path / "last.npz") as last:
        assert set(final) == {name.removeprefix("weights/") for name in last if name.startswith("weights/")}


def test_pseudo_fakes_need_landmarks(crops, tmp_path):
    with pytest.raises(ValueError, match="25% pseudo-fakes"):
        train(crops, crops, replace(RECIPE, pseudo_fakes=0.25), engine(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_stopped_run_goes_on_where_it_was(crops, tmp_path):
    """Stopped at once after the first step, then resumed: the same weights as in one go."""
    straight = engine()
    train(crops, crops, RECIPE, straight, tmp_path / "straight")
    first = engine()
    train(crops, crops, RECIPE, first, tmp_path / "stopped", minutes=0.0)
    with np.load(tmp_path / "stopped" / "last.npz") as checkpoint:
        assert int(checkpoint["seen"]) == 8
    resumed = engine()
    train(crops, crops, RECIPE, resumed, tmp_path / "stopped")
    expected, received = straight.averaged_weights(), resumed.averaged_weights()
    for name in ("head_logit/kernel", "conv5_block1_3_conv/kernel", "conv1_bn/moving_mean"):
        np.testing.assert_allclose(received[name], expected[name], rtol=1e-3, atol=1e-4, err_msg=name)


def test_stops_early_when_validation_stands_still(crops, tmp_path):
    endless = replace(RECIPE, phases=[Phase(64, 80_000, 8)], validate_every=8, patience=2)
    train(crops, crops, endless, ClockedEngine(), tmp_path)
    with np.load(tmp_path / "last.npz") as checkpoint:
        assert int(checkpoint["seen"]) == 24  # the first validation is the best, two more change nothing
