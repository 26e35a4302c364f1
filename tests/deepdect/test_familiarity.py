from __future__ import annotations

import zipfile
from dataclasses import replace

import numpy as np
import pytest

from deepdect import weights
from deepdect.familiarity import Familiarity


def table(**changes) -> Familiarity:
    """Three channels: a standard deviation of .2 along the first, of .1 along the others."""
    parts = {"sha256": "a", "mean": [1, 0, 0], "axes": [[1, 0, 0]], "variances": [0.04], "rest": 0.01}
    return Familiarity(**(parts | {"limits": {"int8": 1.0, "float": 2.0}} | changes))


def test_the_distance_by_hand():
    features = np.zeros((3, 2, 2, 3), np.float32)
    features[0] = [7, 0, 0]  # the mean itself, whatever its length
    features[1] = [0, 5, 0]  # 1 off the mean along the axis, and 1 beyond it: 5 and 10 deviations
    features[2, 0, 0] = [12, 16, 0]  # at unit length (.6, .8, 0): 2 and 8 deviations
    expected = np.sqrt([0, (25 + 100) / 3, (4 + 64) / 3])
    np.testing.assert_allclose(table().distance(features), expected, rtol=1e-6, atol=1e-6)


def test_each_arithmetic_has_its_own_limit():
    features = np.full((1, 1, 1, 3), [12, 16, 0], np.float32)  # at sqrt(68 / 3), or 4.76
    judged = replace(table(), limits={"int8": 4.0, "float": 5.0})
    found = [bool(judged.unfamiliar(features, f"openvino-{name}")[0]) for name in ("int8", "bf16", "f32")]
    assert found == [True, False, False]


def test_the_fit_finds_the_mean_the_axis_and_the_spread():
    random = np.random.default_rng(0)
    faces = random.normal(0, [0.01, 0.05, 0.01, 0.01], (4000, 4)) + [0, 0, 0, 1]
    fitted = Familiarity.fit(faces * random.uniform(1, 9, (4000, 1)), 1, "a")
    np.testing.assert_allclose(fitted.mean, [0, 0, 0, 1], atol=0.01)
    np.testing.assert_allclose(np.abs(fitted.axes), [[0, 1, 0, 0]], atol=0.05)
    assert fitted.variances == pytest.approx([0.0025], rel=0.1)
    assert fitted.rest == pytest.approx(0.0002 / 3, rel=0.1)  # two free directions; length has none
    # what it was fitted on is at distance 1, root mean square
    distances = fitted.distance(faces[:, None, None])
    assert np.square(distances).mean() == pytest.approx(1, abs=0.05)
    with pytest.raises(ValueError, match="more than 4 features"):
        Familiarity.fit(faces, 4, "a")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"axes": [[1, 0]]}, "k < c, received mean"),
        ({"variances": [0.0]}, "above 0"),
        ({"limits": {"int8": 1.0, "float": -1.0}}, "above 0"),
        ({"limits": {"int8": 1.0}}, "expected limits for int8 and float, received int8"),
        ({"mean": [np.nan, 0, 0]}, "NaN"),
    ],
)
def test_a_table_that_cannot_be_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        table(**changes)


def test_a_table_is_read_as_written_and_checked(tmp_path):
    file = tmp_path / weights.FAMILIARITY_FILE
    assert weights.familiarity(tmp_path, "a") is None
    replace(table(), limits={"int8": 1.5, "float": 2.5}).save(file)
    read = weights.familiarity(tmp_path, "a")
    assert read is not None and read.limits == {"int8": 1.5, "float": 2.5} and read.axes.tolist() == [[1, 0, 0]]
    with pytest.raises(weights.WeightsError, match="measured with weights a, not with those in the folder, b"):
        weights.familiarity(tmp_path, "b")
    damaged = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        start = archive.getinfo("axes.npy").header_offset
    names = int.from_bytes(damaged[start + 26 : start + 28], "little") + int.from_bytes(
        damaged[start + 28 : start + 30], "little"
    )
    damaged[start + 30 + names] = 0x07  # a block type that deflate does not have
    file.write_bytes(damaged)
    with pytest.raises(weights.WeightsError, match="not a familiarity table: Error -3"):
        weights.familiarity(tmp_path, "a")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(weights.WeightsError, match="cannot be read"):
        weights.familiarity(tmp_path, "a")
    np.savez(file, sha256=np.array("a"))
    with pytest.raises(weights.WeightsError, match="not a familiarity table"):
        weights.familiarity(tmp_path, "a")


def test_the_shipped_table_belongs_to_the_shipped_weights(detector):
    shipped = weights.familiarity(weights.FOLDER, detector.model["sha256"])
    assert shipped is not None and shipped.mean.shape == (2048,)


def test_fewer_faces_than_channels_keep_their_variance():
    faces = np.random.default_rng(0).normal(0, 1, (20, 100)) + 5
    fitted = Familiarity.fit(faces, 4, "a")
    unit = faces / np.linalg.norm(faces, axis=1, keepdims=True)
    total = unit.var(axis=0, ddof=1).sum()
    assert fitted.variances.sum() + 96 * fitted.rest == pytest.approx(total, rel=1e-5)


def test_a_distance_is_of_the_mean_over_places():
    features = np.array([[[[3, 0, 0], [1, 0, 0]], [[0, 4, 0], [0, 0, 0]]]], np.float32)  # mean (1, 1, 0)
    half = np.sqrt(0.5)
    assert table().distance(features)[0] == pytest.approx(np.sqrt(((half - 1) ** 2 / 0.04 + 0.5 / 0.01) / 3), rel=1e-5)
