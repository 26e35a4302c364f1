"""Batches made by many processes at once, handed over in shared memory by PyTorch's loader."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
from torch.utils.data import DataLoader, Dataset

from training.batches import Batch


class _Batches(Dataset[Batch]):
    def __init__(self, make: Callable[[int], Batch]) -> None:
        self._make = make

    def __getitem__(self, start: int) -> Batch:
        return self._make(start)


def loaded(make: Callable[[int], Batch], starts: Sequence[int], workers: int) -> Iterator[Any]:
    """`make(start)` for each of `starts`, in order, as batches of tensors; made ahead by `workers` processes.

    They are forked, so that the crops' memory is shared; an error in one is raised here.
    """
    return iter(
        DataLoader(
            _Batches(make),
            batch_size=None,
            sampler=starts,
            num_workers=workers,
            prefetch_factor=4,
            worker_init_fn=_one_thread,
            multiprocessing_context="fork",
        )
    )


def _one_thread(_worker: int) -> None:
    cv2.setNumThreads(0)
