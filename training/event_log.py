"""A run's figures for TensorBoard, beside `log.csv`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np


class EventLog:
    """Writes event files into a folder; TensorFlow, which writes them, is imported only here."""

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        self._summary, self._writer = tf.summary, tf.summary.create_file_writer(str(folder))
        # what tf.summary.scalar would add, had TensorFlow's own package not left TensorBoard's plugins out
        self._metadata = tf.compat.v1.SummaryMetadata()
        self._metadata.plugin_data.plugin_name = "scalars"

    def add(self, images: int, figures: Mapping[str, float]) -> None:
        """Figures by tag after `images` images have been seen."""
        with self._writer.as_default():
            for tag, value in figures.items():
                self._summary.write(tag, np.float32(value), step=images, metadata=self._metadata)
        self._writer.flush()
