"""The visible world of a program: an empty folder, the Python installation read-only, and nothing else."""

from __future__ import annotations

import os
import sys

from penchant.sandbox.kernel import calls

__all__ = ["BOX", "DEVICES", "build_room", "python_places"]

#: The empty folder in a room of its own.
BOX = "/box"
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")
_PRIVATE, _RECURSIVE, _BIND, _REMOUNT, _READ_ONLY = 1 << 18, 0x4000, 0x1000, 0x20, 0x1
_NO_SETUID, _NO_DEVICES = 0x2, 0x4


def python_places() -> tuple[list[str], list[str]]:
    """What a program must read to run: files and folders of Python and of the C library.

    Returns:
        The places, and the folders in them that are hidden (installed packages).
    """
    standard = os.path.dirname(os.path.realpath(os.__file__))
    interpreter = os.path.realpath(sys.executable)
    own = [os.path.join(sys.base_prefix, "lib")] if sys.base_prefix not in ("/", "/usr") else []
    places: list[str] = []
    for place in (*_LIBRARIES, *own, standard, interpreter):
        inside = any(place.startswith(f"{other}/") for other in places)
        if os.path.exists(place) and not inside and place not in places:
            places.append(place)
    hidden = [os.path.join(standard, "site-packages"), os.path.join(standard, "dist-packages")]
    hidden.append("/usr/lib/python3/dist-packages")
    return places, [folder for folder in hidden if os.path.isdir(folder)]


def build_room(base: str) -> None:
    """Make a root of its own in memory, at ``base``, and move there; for a process with the rights of mounts.

    Raises:
        OSError: the kernel refuses a step; the former root is still in place.
    """
    calls.unshare(calls.NEW_MOUNTS)
    calls.mount(None, "/", flags=_PRIVATE | _RECURSIVE)
    calls.mount("tmpfs", base, "tmpfs", options="size=1m,mode=755")
    try:
        places, hidden = python_places()
        for place in places:
            _show(place, base)
        for folder in hidden:
            calls.mount("tmpfs", base + folder, "tmpfs", flags=_READ_ONLY, options="size=4k,mode=755")
        for device in DEVICES:
            _show_device(device, base)
        for folder in ("/old", BOX):
            os.mkdir(base + folder)
        calls.pivot(base, f"{base}/old")
    except OSError:
        calls.unmount(base)
        raise
    os.chdir("/")
    calls.unmount("/old")
    os.rmdir("/old")
    calls.mount(None, "/", flags=_REMOUNT | _BIND | _READ_ONLY | _NO_SETUID | _NO_DEVICES)


def _show(place: str, base: str) -> None:
    """Show one file or folder read-only at the same path below ``base``."""
    target = base + place
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(place):
        os.symlink(os.readlink(place), target)
        return
    if os.path.isdir(place):
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    calls.mount(place, target, flags=_BIND | _RECURSIVE)
    calls.read_only(target)


def _show_device(device: str, base: str) -> None:
    target = base + device
    os.makedirs(os.path.dirname(target), exist_ok=True)
    os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o666))
    calls.mount(device, target, flags=_BIND)
