from __future__ import annotations

import hashlib
import pickle

import numpy as np
import pytest

from deepdect import weights
from deepdect.verdict import Calibration


@pytest.fixture
def folder(tmp_path):
    """A models folder with a head of two channels and three units."""
    arrays = {
        "head_dense/kernel": np.ones((2, 3), np.float16),
        "head_dense/bias": np.zeros(3, np.float32),
        "head_logit/kernel": np.ones((3, 1), np.float16),
        "head_logit/bias": np.array([0.5], np.float32),
    }
    np.savez(tmp_path / weights.WEIGHTS_FILE, **arrays)
    digest = hashlib.sha256((tmp_path / weights.WEIGHTS_FILE).read_bytes()).hexdigest()
    (tmp_path / weights.CHECKSUM_FILE).write_text(f"{digest}  {weights.WEIGHTS_FILE}\n")
    Calibration(1.0, 0.0, 0.4, 0.6, "9.9").write(tmp_path / weights.CALIBRATION_FILE)
    return tmp_path


def test_loads_what_the_checksum_names(folder):
    model = weights.load(folder)
    assert model.version == "9.9"
    assert model.sha256 == (folder / weights.CHECKSUM_FILE).read_text().split()[0]
    assert model.head.logit(np.ones((1, 1, 1, 2), np.float32))[0] == pytest.approx(6.5)


def test_a_changed_byte_is_refused(folder):
    file = folder / weights.WEIGHTS_FILE
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(weights.WeightsError, match="expected sha256 .* received"):
        weights.load(folder)


@pytest.mark.parametrize("missing", [weights.WEIGHTS_FILE, weights.CHECKSUM_FILE, weights.CALIBRATION_FILE])
def test_a_missing_file_is_named(folder, missing):
    (folder / missing).unlink()
    with pytest.raises(weights.WeightsError, match=missing):
        weights.load(folder)


@pytest.fixture
def int8(folder):
    """The folder with an int8 graph beside the weights, and its checksum file."""
    graph = folder / weights.INT8_GRAPH
    graph.write_text("<net/>")
    graph.with_suffix(".bin").write_bytes(b"weights")
    files = (folder / weights.WEIGHTS_FILE, graph, graph.with_suffix(".bin"))
    lines = [f"{weights.digest(file)}  {file.name}\n" for file in files]
    (folder / weights.INT8_CHECKSUM_FILE).write_text("".join(lines))
    return folder


def test_the_int8_graph_is_found_where_it_is_shipped(int8):
    sha256 = weights.load(int8).sha256
    assert weights.int8_graph(int8, sha256) == int8 / weights.INT8_GRAPH
    (int8 / weights.INT8_CHECKSUM_FILE).unlink()
    assert weights.int8_graph(int8, sha256) is None


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_a_changed_or_missing_int8_file_is_refused(int8, suffix):
    sha256, file = weights.load(int8).sha256, (int8 / weights.INT8_GRAPH).with_suffix(suffix)
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(weights.WeightsError, match=f"{suffix} is not the file .* expected sha256"):
        weights.int8_graph(int8, sha256)
    file.unlink()
    with pytest.raises(weights.WeightsError, match="no such file"):
        weights.int8_graph(int8, sha256)


@pytest.mark.parametrize("added", [b"\n", b"word\n", b"three words here\n", b"\xff\n"])
def test_a_damaged_list_of_int8_checksums_is_refused(int8, added):
    sha256, file = weights.load(int8).sha256, int8 / weights.INT8_CHECKSUM_FILE
    file.write_bytes(file.read_bytes() + added)
    with pytest.raises(weights.WeightsError, match=f"{file.name} is not a list"):
        weights.int8_graph(int8, sha256)


def test_an_int8_graph_of_other_weights_is_refused(int8):
    with pytest.raises(weights.WeightsError, match="made from weights"):
        weights.int8_graph(int8, "0" * 64)


def sign(folder) -> None:
    """Make the checksum that of the file as it is, so that only what comes after it can refuse."""
    digest = hashlib.sha256((folder / weights.WEIGHTS_FILE).read_bytes()).hexdigest()
    (folder / weights.CHECKSUM_FILE).write_text(f"{digest}  {weights.WEIGHTS_FILE}\n")


@pytest.mark.parametrize("part", [0, 0.5, 0.99])
def test_a_truncated_file_is_refused_by_its_checksum_and_without_it(folder, part):
    file = folder / weights.WEIGHTS_FILE
    content = file.read_bytes()
    file.write_bytes(content[: int(part * len(content))])
    with pytest.raises(weights.WeightsError, match="expected sha256"):
        weights.load(folder)
    sign(folder)
    with pytest.raises(weights.WeightsError, match="cannot be read as weights"):
        weights.load(folder)


class Trap:
    """Unpickled, it would leave a file behind."""

    def __init__(self, file) -> None:
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), "w")


@pytest.mark.parametrize("whole", [False, True])
def test_nothing_is_unpickled(folder, whole):
    trap = folder / "sprung"
    file = folder / weights.WEIGHTS_FILE
    if whole:
        file.write_bytes(pickle.dumps(Trap(trap)))
    else:
        with np.load(file) as arrays:
            kept = {name: arrays[name] for name in arrays}
        np.savez(file, **(kept | {"head_dense/kernel": np.array([Trap(trap)], object)}))
    sign(folder)
    with pytest.raises(weights.WeightsError, match="cannot be read as weights"):
        weights.load(folder)
    assert not trap.exists()


def test_a_file_without_the_head_is_refused(folder):
    np.savez(folder / weights.WEIGHTS_FILE, other=np.ones(3))
    sign(folder)
    with pytest.raises(weights.WeightsError, match="head_dense/kernel"):
        weights.load(folder)


@pytest.mark.parametrize("words", ["", "\n", "abc  file", "\0" * 64])
def test_a_checksum_file_without_a_checksum_is_named(folder, words):
    (folder / weights.CHECKSUM_FILE).write_text(words)
    with pytest.raises(weights.WeightsError, match="holds no sha256"):
        weights.load(folder)


@pytest.mark.parametrize("words", ["", "{}", "[]", "1", '{"temperature": "hot"}'])
def test_a_damaged_calibration_is_named(folder, words):
    (folder / weights.CALIBRATION_FILE).write_text(words)
    with pytest.raises(weights.WeightsError, match=weights.CALIBRATION_FILE):
        weights.load(folder)


def test_shipped_weights_verify_and_hold_no_pickle():
    model = weights.load()
    with np.load(model.file, allow_pickle=False) as arrays:
        assert arrays["conv1_conv/kernel"].shape == (7, 7, 3, 64)
        assert all(np.isfinite(arrays[name].astype(np.float32)).all() for name in arrays)
