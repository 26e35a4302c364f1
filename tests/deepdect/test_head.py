"""The dense head against answers worked out by hand."""

import io

import numpy as np
import pytest

from deepdect.head import Head


@pytest.fixture
def tiny() -> Head:
    """2 channels, 3 units. Pooled (1, 2) gives hidden (1 - 2 + 0.5, 2, 1 + 4 - 1) = (-0.5, 2, 4): unit 0 is off."""
    return Head(
        w1=np.array([[1, 0, 1], [-1, 1, 2]]), b1=np.array([0.5, 0, -1]), w2=np.array([10.0, -3.0, 2.0]), b2=0.25
    )


def features_with_mean(*means: float) -> np.ndarray:
    """[1, 2, 2, c] whose mean over the four places is `means`, no place being equal to it."""
    around = np.array([-1.0, 1.0, -2.0, 2.0]).reshape(1, 2, 2, 1)
    return (np.array(means) + around).astype(np.float32)


def test_logit_by_hand(tiny: Head) -> None:
    logit = tiny.logit(features_with_mean(1, 2))
    assert logit.dtype == np.float32
    assert logit.tolist() == [-3 * 2 + 2 * 4 + 0.25]


def test_gradient_and_bias_by_hand(tiny: Head) -> None:
    output = tiny.linearize(features_with_mean(1, 2))
    assert output.logit.tolist() == [2.25]
    assert output.gradient.tolist() == [[0 * -3 + 1 * 2, 1 * -3 + 2 * 2]]  # units 1 and 2 only
    assert output.bias.tolist() == [0 * -3 + -1 * 2 + 0.25]
    assert (output.gradient @ [1, 2] + output.bias).tolist() == [2.25]


def test_a_unit_at_exactly_zero_is_off(tiny: Head) -> None:
    # Pooled (0, 0.5): unit 0 is 0 - 0.5 + 0.5 = 0, unit 1 is 0.5, unit 2 is 1 - 1 = 0.
    output = tiny.linearize(features_with_mean(0, 0.5))
    assert output.logit.tolist() == [-1.25]
    assert output.gradient.tolist() == [[0, -3]]
    assert output.bias.tolist() == [0.25]


def test_no_active_unit_leaves_the_output_bias_alone(tiny: Head) -> None:
    output = tiny.linearize(features_with_mean(-5, -1))  # hidden (-5 + 1 + 0.5, -1, -5 - 2 - 1)
    assert (output.logit.tolist(), output.bias.tolist(), output.gradient.tolist()) == ([0.25], [0.25], [[0, 0]])


def test_batch_is_its_images_one_by_one(tiny: Head) -> None:
    batch = np.concatenate([features_with_mean(1, 2), features_with_mean(3, -1), features_with_mean(0, 0.5)])
    together = tiny.linearize(batch)
    assert together.logit.tolist() == [2.25, 10 * 4.5 + 0.25, -1.25]  # (3, -1): only unit 0 is on
    assert together.gradient.tolist() == [[2, 1], [10, -10], [0, -3]]
    assert together.bias.tolist() == [-1.75, 5.25, 0.25]
    assert tiny.logit(batch).tolist() == together.logit.tolist()


def test_empty_batch(tiny: Head) -> None:
    output = tiny.linearize(np.empty((0, 8, 8, 2), np.float32))
    assert (output.logit.shape, output.gradient.shape, output.bias.shape) == ((0,), (0, 2), (0,))


def test_linear_form_adds_up_at_full_size() -> None:
    rng = np.random.default_rng(7)
    w1 = rng.normal(0, 0.03, (2048, 1024)).astype(np.float32)
    b1, w2 = rng.normal(0, 0.1, (2, 1024)).astype(np.float32)
    head = Head(w1, b1, w2, -0.3)
    features = np.maximum(rng.normal(0, 1, (3, 8, 8, 2048)), 0).astype(np.float32)
    output = head.linearize(features)
    pooled = features.astype(np.float64).mean(axis=(1, 2))
    hidden = np.maximum(pooled @ head.w1.astype(np.float64) + head.b1, 0)
    assert 0.2 < (hidden > 0).mean() < 0.8  # both kinds of unit take part
    np.testing.assert_allclose(output.logit, hidden @ head.w2.astype(np.float64) + head.b2, atol=1e-4)
    np.testing.assert_allclose((pooled * output.gradient).sum(axis=1) + output.bias, output.logit, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_from_an_npz(tiny: Head, dtype: type) -> None:
    file = io.BytesIO()
    arrays = {
        "head_dense/kernel": tiny.w1,
        "head_dense/bias": tiny.b1,
        "head_logit/kernel": tiny.w2[:, None],
        "head_logit/bias": np.array([tiny.b2]),
        "conv1_conv/kernel": np.zeros((7, 7, 3, 64)),
    }
    np.savez(file, **{key: array.astype(dtype) for key, array in arrays.items()})  # type: ignore[arg-type]
    file.seek(0)
    with np.load(file) as weights:
        head = Head.from_weights(weights)
    assert head.w1.dtype == head.b1.dtype == head.w2.dtype == np.float32
    assert head.logit(features_with_mean(1, 2)).tolist() == [2.25]


def test_missing_weights_are_named() -> None:
    with pytest.raises(ValueError, match="head_dense/bias, head_logit/kernel.*received 2 arrays.*'head_dense/kernel'"):
        Head.from_weights({"head_dense/kernel": np.zeros((2, 3)), "head_logit/bias": np.zeros(1)})


def test_two_class_logit_layer_is_refused() -> None:
    weights = {"head_dense/kernel": np.zeros((2, 3)), "head_dense/bias": np.zeros(3)}
    with pytest.raises(ValueError, match=r"received \(3, 2\) and \(2,\)"):
        Head.from_weights(weights | {"head_logit/kernel": np.zeros((3, 2)), "head_logit/bias": np.zeros(2)})


@pytest.mark.parametrize(
    ("w1", "b1", "w2", "message"),
    [
        (np.zeros(3), np.zeros(3), np.zeros(3), r"expected w1 \[channels, units\], received w1 \(3,\)"),
        (np.zeros((2, 3)), np.zeros(4), np.zeros(3), r"shape \(3,\).*b1 \(4,\)"),
        (np.zeros((2, 3)), np.zeros(3), np.zeros((3, 1)), r"shape \(3,\).*w2 \(3, 1\)"),
        (np.full((2, 3), np.nan), np.zeros(3), np.zeros(3), "w1 contains NaN"),
    ],
)
def test_weights_that_do_not_fit(w1: np.ndarray, b1: np.ndarray, w2: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Head(w1, b1, w2, 0.0)


@pytest.mark.parametrize("shape", [(8, 8, 2), (1, 8, 8, 3), (1, 0, 8, 2)])
def test_features_that_do_not_fit(tiny: Head, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected features \[n, h, w, 2\], received shape"):
        tiny.logit(np.zeros(shape))


def test_features_with_nan_get_no_score(tiny: Head) -> None:
    batch = np.concatenate([features_with_mean(1, 2), features_with_mean(1, 2)])
    batch[1, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match=r"images \[1\]"):
        tiny.linearize(batch)


@pytest.mark.parametrize("name", ["w1", "b1", "w2"])
def test_one_bad_weight_is_enough(name):
    arrays = {"w1": np.ones((2, 3)), "b1": np.zeros(3), "w2": np.ones(3)}
    arrays[name].flat[1] = np.nan
    with pytest.raises(ValueError, match=f"{name} contains NaN"):
        Head(**arrays, b2=0.0)


def test_the_last_bias_must_be_finite():
    with pytest.raises(ValueError, match="b2 must be finite"):
        Head(np.ones((2, 3)), np.zeros(3), np.ones(3), float("nan"))
