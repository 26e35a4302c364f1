from __future__ import annotations

import numpy as np
import pytest

from training.soup import main, mean


def test_the_mean_by_hand(tmp_path):
    parts = [{"a/kernel": np.full((1, 2), value, np.float16), "a/bias": np.float32([value])} for value in (1.0, 4.0)]
    mixed = mean(parts)
    assert mixed["a/kernel"].tolist() == [[2.5, 2.5]] and mixed["a/bias"].dtype == np.float32
    for number, part in enumerate(parts):
        np.savez(tmp_path / f"{number}.npz", **part)
    main([tmp_path / "0.npz", tmp_path / "1.npz"], tmp_path / "soup.npz")
    with np.load(tmp_path / "soup.npz") as soup:
        assert soup["a/kernel"].dtype == np.float16 and soup["a/bias"].tolist() == [2.5]


def test_weights_of_different_networks_are_not_mixed():
    with pytest.raises(ValueError, match="weights 2 are of another network than the first: see a/kernel"):
        mean([{"a/kernel": np.zeros((1, 2))}, {"a/kernel": np.zeros((2, 2))}])
