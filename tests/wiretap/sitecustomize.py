"""Python imports this at its start where this folder is on PYTHONPATH: notes and refuses every connection that leaves.

The log, named by WIRETAP_LOG, gets a line for each process that is watched and one for each attempt. Child processes
are watched too. Connections that C code opens by itself are not seen.
"""

import contextlib
import ipaddress
import os
import sys

LOG = os.environ["WIRETAP_LOG"]
EVENTS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
NAMES = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


def note(line: str) -> None:
    """One line to the log, in one write, since several processes may write."""
    handle = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, f"{line}\n".encode())
    finally:
        os.close(handle)


def stays(host: object) -> bool:
    """Whether a host is this machine."""
    if isinstance(host, bytes):
        host = host.decode("utf-8", "replace")
    if host is None or host in {"", "localhost"}:
        return True
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(str(host))
        return address.is_loopback or address.is_unspecified
    return False


def watch(event: str, arguments: tuple) -> None:
    """An audit hook: what it raises, the caller gets instead of a connection."""
    if event in NAMES:
        host = arguments[0]
    elif event in EVENTS and isinstance(arguments[1], tuple):  # a text is a socket file of this machine
        host = arguments[1][0]
    else:
        return
    if not stays(host):
        note(f"{event} {host}")
        raise PermissionError(f"wiretap: {event} to {host} refused")


note(f"watching {os.getpid()}")
sys.addaudithook(watch)
