"""The trials on a NumPy network, and a small real one that forgets."""

from __future__ import annotations

import numpy as np
import pytest

from deepdect.head import Head
from explain import baselines
from explain.baselines import Case
from explain.trials import OURS, cases, explainers, on_faces, on_forgeries

SIZE = 64
# pooled red - pooled green, by two hidden units; a bias that changes no order
HEAD = Head(np.array([[1, 0], [0, 1], [0, 0]]), np.zeros(2), np.array([8.0, -8.0]), 0.1)


def features(crops: np.ndarray) -> np.ndarray:
    cells = np.asarray(crops, np.float32).reshape(len(crops), 8, 8, 8, 8, 3)
    return cells.mean(axis=(2, 4)) / 255


def score(crops: np.ndarray) -> np.ndarray:
    return HEAD.logit(features(crops))


def gradients(crops: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.array([8, -8, 0], np.float32) / (255 * SIZE * SIZE), crops.shape)


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    """Noise; reddish in the upper left quarter (0, 1), greenish there (2)."""
    made = np.random.default_rng(0).integers(60, 140, (3, SIZE, SIZE, 3)).astype(np.uint8)
    made[:2, :32, :32, 0] += 100
    made[2, :32, :32, 1] += 100
    return made


def test_cases_explain_what_the_network_says(crops) -> None:
    found = cases(crops, features, HEAD)
    assert [case.sign for case in found] == [1, 1, -1]
    np.testing.assert_allclose(found[2].gradient, [8, -8, 0])
    assert [case.sign for case in cases(crops, features, HEAD, [1, -1, 1])] == [1, -1, 1]
    assert len(cases(np.concatenate([crops] * 6), features, HEAD)) == 18  # more than a batch


def test_a_map_that_knows_beats_noise_and_the_middle(crops) -> None:
    maps = explainers(score, gradients)
    found = cases(crops, features, HEAD)
    values = on_faces(found, found, score, maps, steps=8)
    assert list(values) == list(maps) and len(values[OURS]["deletion"]) == 3
    for index in range(3):
        for blind in ("noise", "centred blob"):
            assert values[OURS]["deletion"][index] < values[blind]["deletion"][index]
            assert values[OURS]["insertion"][index] > values[blind]["insertion"][index]
    for name in maps:
        if name != "noise":
            assert values[name]["stability"] == pytest.approx([1, 1, 1])


def test_forgeries_are_pointed_at(crops) -> None:
    mask = np.zeros((SIZE, SIZE))
    mask[:32, :32] = 1
    whole = np.ones((SIZE, SIZE), bool)
    maps = {OURS: baselines.ours, "against": lambda case: -baselines.ours(case)}
    values = on_forgeries(cases(crops[:2], features, HEAD, [1, 1]), [mask] * 2, [whole] * 2, maps)
    assert values[OURS]["pointing"] == [1, 1] and values["against"]["pointing"] == [0, 0]
    assert min(values[OURS]["energy"]) > 2 and max(values["against"]["energy"]) < 0.5


@pytest.fixture(scope="module")
def small_network():
    from deepdect import network

    return network.build(64, head_units=8, width=1 / 16, blocks=(1, 1, 1, 3))


def test_the_cascade_forgets_from_the_top_down(small_network, crops) -> None:
    from deepdect import network
    from explain.randomization import cascade

    before, stages = network.weights(small_network), []
    for stage in cascade(small_network, crops, np.random.default_rng(0)):
        stages.append(stage)
        after = network.weights(small_network)
        for name, value in after.items():
            if name.endswith("kernel"):
                forgotten = network.stage_of(name.split("/")[0]) in stages
                assert np.array_equal(value, before[name]) != forgotten, (stage, name)
        for layer in small_network.layers:
            assert getattr(layer, "momentum", 0.99) == 0.99 and layer.trainable
    assert tuple(stages) == tuple(reversed(network.STAGES))
    activations = network.to_numpy(network.backbone(small_network)(crops.astype(np.float32)))
    assert np.isfinite(activations).all() and 0.05 < activations.std() < 20  # neither died nor exploded


def test_maps_of_random_networks_are_compared_and_the_network_comes_back(small_network, crops) -> None:
    from deepdect import network
    from explain.trials import on_random_networks

    before = network.weights(small_network)
    values = on_random_networks(small_network, crops, draws=1)
    assert list(values[OURS]) == list(reversed(network.STAGES))
    assert all(len(found) == 3 for found in values[OURS].values())
    known = [value for found in values[OURS].values() for value in found if not np.isnan(value)]
    assert known and all(0 <= value <= 1 for value in known)
    after = network.weights(small_network)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_keras_gradients_are_those_of_the_logit(small_network, crops) -> None:
    """Against a finite difference along the gradient, where it is largest."""
    from explain.bench import keras_gradients

    start = crops[:1].astype(np.float32)
    gradient = keras_gradients(small_network)(start)
    assert gradient.shape == start.shape
    direction = gradient / np.abs(gradient).max()
    step = 0.005
    ahead, behind = (float(small_network(start + s * step * direction, training=False)[0, 0]) for s in (1, -1))
    assert (gradient * direction).sum() == pytest.approx((ahead - behind) / (2 * step), rel=0.1)


def test_stability_compares_with_the_other_picture():
    a, b = (
        Case(np.zeros((16, 16, 3), np.uint8), np.zeros((2, 2, 1), np.float32), np.zeros(1, np.float32), 1)
        for _ in range(2)
    )
    maps = {"m": lambda case: np.array([[1.0, 2], [3, 4]]) * (1 if case is a else -1)}
    values = on_faces([a], [b], lambda c: np.zeros(len(c)), maps, steps=2)
    assert values["m"]["stability"] == [pytest.approx(-1)]
