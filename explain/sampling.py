"""A choice of faces in which every source has its share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def spread(
    sources: ArrayLike, count: int, random: np.random.Generator, among: ArrayLike | None = None
) -> NDArray[np.int64]:
    """Positions of `count` items, taken from the sources in turn and at random within each.

    Args:
        sources: [n] names.
        count: how many; all of them where there are fewer.
        random: where the choice comes from.
        among: [n], true where an item may be chosen; default: anywhere.

    Returns:
        int64 [count or fewer], rising.

    Raises:
        ValueError: nothing to choose from.
    """
    names = np.asarray(sources)
    allowed = np.ones(len(names), bool) if among is None else np.asarray(among, bool)
    candidates = random.permutation(np.flatnonzero(allowed))
    if not len(candidates):
        raise ValueError(f"no item to choose from among {len(names)}")
    # An item's turn is the number of its source's items before it; within one turn the sources come in random order.
    turns = np.zeros(len(candidates), int)
    for name in np.unique(names[candidates]):
        mine = names[candidates] == name
        turns[mine] = np.arange(mine.sum())
    return np.sort(candidates[np.argsort(turns, kind="stable")][:count])
