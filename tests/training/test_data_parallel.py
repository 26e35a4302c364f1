"""Two virtual devices of one CPU: a process of its own, since JAX counts its devices once."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from training import data_parallel

ROOT = Path(__file__).resolve().parents[2]
needs_jax = pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="JAX is not installed")

STEPS = """
import json, sys
import numpy as np
from training import data_parallel
from training.keras_engine import KerasEngine

devices = data_parallel.over_all_devices() if sys.argv[1] == "parallel" else 1
engine = KerasEngine(head_units=8, width=1 / 16, blocks=(0, 0, 0, 1), average=0.5)
random = np.random.default_rng(0)
pixels = random.integers(0, 255, (8, 64, 64, 3), dtype=np.uint8)
labels = (np.arange(8) % 2).astype(np.float32)
losses = [engine.step(pixels, labels, 1e-3) for _ in range(6)]
logits = engine.logits(pixels[:5], batch=2)
shards = len(engine.network.trainable_variables[0].value.sharding.device_set)
try:
    engine.step(pixels[:7], labels[:7], 1e-3)
    refused = ""
except ValueError as error:
    refused = str(error)
print(json.dumps({"devices": devices, "losses": losses, "shards": shards, "refused": refused,
                  "logits": logits.tolist()}))
"""


def train(mode: str, backend: str = "jax") -> subprocess.Popen[str]:
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        # compiling thoroughly would take a minute, for six steps
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0 "
        "--xla_llvm_disable_expensive_passes=true",
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", STEPS, mode]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@needs_jax
def test_two_devices_train_as_one_does():
    runs = [train(mode) for mode in ("single", "parallel")]  # at once: most of the time goes into compiling
    (alone, errors), (together, more_errors) = (run.communicate() for run in runs)
    assert [run.returncode for run in runs] == [0, 0], errors + more_errors
    single, double = (json.loads(output.splitlines()[-1]) for output in (alone, together))
    assert (single["devices"], single["shards"]) == (1, 1)
    assert (double["devices"], double["shards"]) == (2, 2)
    np.testing.assert_allclose(double["losses"], single["losses"], rtol=1e-3)
    assert len(set(single["losses"])) == 6  # six losses that do change, so that their agreement says something
    assert (single["refused"], double["refused"]) == (
        "",
        "2 devices share each batch equally; received a batch of 7, not a multiple",
    )
    assert len(double["logits"]) == 5  # batches of 2, 2 and 1
    np.testing.assert_allclose(double["logits"], single["logits"], rtol=1e-2, atol=1e-3)


def test_another_backend_is_refused():
    run = train("parallel", "tensorflow")
    _, errors = run.communicate()
    assert run.returncode == 1
    assert "received the backend tensorflow: set KERAS_BACKEND=jax" in errors


def test_padding_repeats_the_last_row():
    rows = np.arange(5)[:, None]
    assert data_parallel.padded(rows, 2)[:, 0].tolist() == [0, 1, 2, 3, 4, 4]
    assert data_parallel.padded(rows, 1) is rows
