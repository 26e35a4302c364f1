"""The app where the network is cut, every socket of every process watched by the kernel: C code's, too.

`tests/test_privacy.py` watches Python alone, everywhere; this needs Linux, strace and a network namespace.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ADDRESS = re.compile(r'(?:inet_addr\(|inet_pton\(AF_INET6, )"([0-9a-f.:]+)"')
BY_LIBC = """
import ctypes, struct
libc = ctypes.CDLL(None)
address = struct.pack("<HH4s8x", 2, 0x5000, bytes([192, 0, 2, 1]))  # 192.0.2.1, port 80
libc.connect(libc.socket(2, 1, 0), address, len(address))
"""


def watched(log: Path, *command: str) -> tuple[str, list[str]]:
    """The command's output where only the loopback is there, and the foreign addresses it asked the kernel for."""
    trace = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", str(log)]
    script = 'ip link set lo up && exec "$@"'
    cut = ["unshare", "--net", "--map-root-user", "sh", "-c", script, "sh"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*cut, *trace, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    named = {address for line in log.read_text(errors="replace").splitlines() for address in ADDRESS.findall(line)}
    return done.stdout, sorted(address for address in named if not ipaddress.ip_address(address).is_loopback)


@pytest.fixture(scope="module", autouse=True)
def tools():
    for tool in ("strace", "unshare", "ip"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    probe = ["unshare", "--net", "--map-root-user", "strace", "-f", "--seccomp-bpf", "-o", os.devnull, "true"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no network namespace or no tracing here: {done.stderr.strip()[:200]}")


def test_it_works_without_a_network_and_asks_for_none(portrait, tmp_path):
    visit = str(Path(__file__).with_name("offline_visit.py"))
    output, foreign = watched(tmp_path / "log", sys.executable, visit, str(portrait))
    seen = json.loads(output.splitlines()[-1])
    assert "<html" in seen["page"] and '"status": "ok"' in seen["answer"], seen["told"]
    assert json.loads(seen["command"])["faces"], seen["told"]
    assert "Traceback" not in seen["told"]
    assert 'sin_addr=inet_addr("127.0.0.1")' in (tmp_path / "log").read_text(errors="replace")  # it did watch
    assert foreign == []


def test_a_connection_by_c_code_would_be_seen(tmp_path):
    assert watched(tmp_path / "log", sys.executable, "-c", BY_LIBC)[1] == ["192.0.2.1"]
