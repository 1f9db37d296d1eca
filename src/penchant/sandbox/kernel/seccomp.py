"""A seccomp filter: system calls that a candidate program never needs are refused by the kernel.

The filter is a classic BPF program of the form "if the number is N, refuse", in front of "allow". It refuses network
sockets, other processes' memory, mounts and namespaces, and kernel interfaces; and, where there is no namespace of
processes, signals to others.
"""

from __future__ import annotations

import ctypes
import os
import struct

from penchant.sandbox.kernel.calls import MACHINE, no_new_privileges, process_control

__all__ = ["filter_calls", "refused_calls"]

# Numbers on x86_64 and aarch64; None where the machine has no such call.
_NETWORK = {
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept4": (288, 242),
}
_OTHER_PROCESSES = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "setpriority": (141, 140),
}
_SYSTEM = {
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "acct": (163, 89),
    "syslog": (103, 116),
    "quotactl": (179, 60),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "sethostname": (170, 161),
    "memfd_create": (319, 279),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "iopl": (172, None),
    "ioperm": (173, None),
}
_SIGNALS = {
    "kill": (62, 129),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}
_TGKILL, _CLONE, _CLONE3 = (234, 131), (56, 220), 435
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
# New mounts, cgroup, uts, ipc, users, pids, network.
_NAMESPACES = 0x7E020000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
_NOT_PERMITTED, _NOT_IMPLEMENTED = 1, 38
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_X32 = 0x40000000
_SET_SECCOMP, _FILTER = 22, 2


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def refused_calls(*, signals: bool) -> dict[str, int]:
    """The refused system calls by name, with their numbers on this machine.

    Args:
        signals: whether signals to other processes are refused too.

    Raises:
        OSError: the numbers of this machine are not known.
    """
    if MACHINE not in _ARCHITECTURES:
        raise OSError(_NOT_IMPLEMENTED, f"the system calls of {MACHINE} are not known")
    column = _ARCHITECTURES[MACHINE][0]
    table = _NETWORK | _OTHER_PROCESSES | _SYSTEM | (_SIGNALS if signals else {})
    return {name: number for name, numbers in table.items() if (number := numbers[column]) is not None}


def filter_calls(*, signals: bool) -> None:
    """Refuse the calls of `refused_calls` to this process and all that it starts, for good.

    Args:
        signals: refuse signals to other processes too; for a process without a namespace of processes.

    Raises:
        OSError: the kernel has no seccomp filters, or the machine is not known.
    """
    numbers = refused_calls(signals=signals).values()
    column, architecture = _ARCHITECTURES[MACHINE]
    code = [_step(_LOAD, _ARCHITECTURE_AT), _step(_EQUAL, architecture, 1, 0), _step(_RETURN, _KILL)]
    code.append(_step(_LOAD, _NUMBER_AT))
    if MACHINE == "x86_64":
        code += [_step(_AT_LEAST, _X32, 0, 1), _refusal()]
    for number in numbers:
        code += [_step(_EQUAL, number, 0, 1), _refusal()]
    code += [_step(_EQUAL, _CLONE3, 0, 1), _refusal(_NOT_IMPLEMENTED)]  # the C library falls back to clone
    if signals:  # a process may still abort itself
        own = [_step(_LOAD, _FIRST_ARGUMENT_AT), _step(_EQUAL, os.getpid(), 1, 0), _refusal(), _step(_RETURN, _ALLOW)]
        code += [_step(_EQUAL, _TGKILL[column], 0, len(own)), *own]
    clone = [_step(_LOAD, _FIRST_ARGUMENT_AT), _step(_ANY_BIT, _NAMESPACES, 0, 1), _refusal()]
    code += [_step(_EQUAL, _CLONE[column], 0, len(clone)), *clone, _step(_RETURN, _ALLOW)]
    no_new_privileges()
    program = _Program(len(code), b"".join(code))
    process_control(_SET_SECCOMP, _FILTER, ctypes.byref(program), what="seccomp")


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _refusal(number: int = _NOT_PERMITTED) -> bytes:
    return _step(_RETURN, _REFUSE | number)
