"""Event files hold what TensorBoard will show."""

from __future__ import annotations

import pytest

from training.event_log import EventLog


def test_figures_come_back_out_of_the_event_file(tmp_path):
    tf = pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    log = EventLog(tmp_path)
    log.add(100, {"loss": 0.5, "AUC/dfdc": 0.75})
    log.add(200, {"loss": 0.25})
    [file] = tmp_path.iterdir()
    found = []
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            assert value.metadata.plugin_data.plugin_name == "scalars"
            found.append((event.step, value.tag, float(tf.make_ndarray(value.tensor))))
    assert found == [(100, "loss", 0.5), (100, "AUC/dfdc", 0.75), (200, "loss", 0.25)]
