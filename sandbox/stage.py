"""The process between the service and a program: it sets limits, watches, and leaves nothing over.

It imports only what starts quickly. Its standard input is its lifeline: when the service closes
it, or dies, everything below is killed. It is the subreaper of all descendants (Linux), so that a
daemon that leaves its session and its parents is still found.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple, NoReturn

from sandbox.meter import Meter
from sandbox.proctree import descendants, kill, kill_all, threads_of_user
from sandbox.removal import remove_tree

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LIFELINE_FD = 0
SAMPLE_MS = 100
END_WITHIN_S = 5.0
NPROC_SLACK = 8
DEFAULT_SIGNALS = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD),
)


class Orders(NamedTuple):
    """What the service asks for."""

    report_fd: int
    cwd: str
    private: str
    """A temporary folder that is deleted at the end."""
    limits: dict[str, int]
    """cpu_s, memory_mb, processes, file_mb, disk_mb, open_files."""
    argv: list[str]


class Verdict(NamedTuple):
    """How the program ended."""

    ended_by: str
    """As in `sandbox.base.EndedBy`, or "asked" when the service wanted the end."""
    code: int | None = None
    detail: str = ""
    peak_bytes: int = 0


def encode_orders(orders: Orders) -> list[str]:
    """Command line arguments; nothing secret is among them."""
    limits = [f"{name}={value}" for name, value in orders.limits.items()]
    return [str(orders.report_fd), orders.cwd, orders.private, *limits, "--", *orders.argv]


def decode_orders(arguments: list[str]) -> Orders:
    """The reverse of `encode_orders`."""
    end = arguments.index("--", 3)
    limits = {name: int(value) for name, _, value in (a.partition("=") for a in arguments[3:end])}
    return Orders(int(arguments[0]), arguments[1], arguments[2], limits, arguments[end + 1 :])


def encode_verdict(verdict: Verdict) -> bytes:
    """Lines: how it ended, exit code or nothing, peak bytes, sentence."""
    code = "" if verdict.code is None else verdict.code
    lines = f"{verdict.ended_by}\n{code}\n{verdict.peak_bytes}\n{verdict.detail}"
    return lines.encode(errors="backslashreplace")


def decode_verdict(report: bytes) -> Verdict | None:
    """The reverse of `encode_verdict`; None when the stage died without a report."""
    if not report:
        return None
    ended_by, code, peak, detail = report.decode().split("\n", 3)
    return Verdict(ended_by, int(code) if code else None, detail, int(peak))


def main(arguments: list[str]) -> None:
    """Run one program to its end and report it on the given descriptor."""
    orders = decode_orders(arguments)
    os.set_inheritable(orders.report_fd, False)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    problem_fd, told_fd = os.pipe()
    child = os.fork()
    if child == 0:
        _become_program(orders, told_fd)
    os.close(told_fd)
    with os.fdopen(problem_fd) as told:
        problem = told.read()
    verdict = Verdict("setup", detail=problem) if problem else _watch(child, orders)
    _end_all(child)
    remove_tree(Path(orders.private))
    os.write(orders.report_fd, encode_verdict(verdict))


def _prctl(option: int, value: int) -> None:
    """On other systems than Linux there is no such call, and less is cleaned up."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), 0, 0, 0)


def _become_program(orders: Orders, told_fd: int) -> NoReturn:
    """Never returns; says on `told_fd`, which closes by itself on success, why it could not."""
    try:
        os.setsid()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), LIFELINE_FD)
        os.chdir(orders.cwd)
        for number in DEFAULT_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        _set_limits(orders.limits)
        os.execve(orders.argv[0], orders.argv, os.environ)
    except (OSError, ValueError) as error:
        text = f"{orders.argv[0]} could not be started in {orders.cwd}: {error}"
        os.write(told_fd, text.encode(errors="backslashreplace"))
    finally:
        os._exit(125)


def _set_limits(limits: dict[str, int]) -> None:
    """Never RLIMIT_AS: numeric libraries reserve far more address space than they use."""
    wanted = {
        resource.RLIMIT_CPU: (limits["cpu_s"], limits["cpu_s"] + 1),
        resource.RLIMIT_FSIZE: (limits["file_mb"] << 20,) * 2,
        resource.RLIMIT_NOFILE: (limits["open_files"],) * 2,
        resource.RLIMIT_CORE: (0, 0),
    }
    if os.geteuid() != 0:
        # Counts all threads of the user, whoever started them, so it is only a backstop against
        # fork bombs between two samples of the meter, which holds the exact limit.
        most = threads_of_user(os.geteuid()) + NPROC_SLACK * limits["processes"]
        wanted[resource.RLIMIT_NPROC] = (most, most)
    for kind, (soft, hard) in wanted.items():
        ceiling = resource.getrlimit(kind)[1]
        if ceiling == resource.RLIM_INFINITY:
            ceiling = max(soft, hard)
        resource.setrlimit(kind, (min(soft, ceiling), min(hard, ceiling)))


def _watch(child: int, orders: Orders) -> Verdict:
    woken_fd = _wake_on_signals()
    poll = select.poll()
    poll.register(LIFELINE_FD, select.POLLIN)
    poll.register(woken_fd, select.POLLIN)
    meter = Meter(orders.limits, (orders.cwd, orders.private))
    next_sample = 0.0
    while True:
        ended = _reap(child)
        if ended is not None:
            return _judge(*ended, orders.limits, meter.peak_bytes)
        if time.monotonic() >= next_sample:
            breach = meter.breach()
            if breach is not None:
                return Verdict(breach[0], None, breach[1], meter.peak_bytes)
            next_sample = time.monotonic() + SAMPLE_MS / 1000
        events = [descriptor for descriptor, _ in poll.poll(SAMPLE_MS)]
        if LIFELINE_FD in events:
            return Verdict("asked", peak_bytes=meter.peak_bytes)
        if woken_fd in events:
            os.read(woken_fd, 4096)


def _wake_on_signals() -> int:
    """A descriptor that becomes readable when a child ends."""
    woken_fd, wake_fd = os.pipe()
    os.set_blocking(wake_fd, False)
    signal.set_wakeup_fd(wake_fd, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    return woken_fd


def _reap(child: int) -> tuple[int, resource.struct_rusage] | None:
    """Collect whatever has ended; the program's own status if it is among it."""
    while True:
        pid, status, usage = os.wait4(-1, os.WNOHANG)
        if pid == child:
            return status, usage
        if pid == 0:
            return None


def _judge(
    status: int, usage: resource.struct_rusage, limits: dict[str, int], sampled_bytes: int
) -> Verdict:
    unit = 1 if sys.platform == "darwin" else 1024
    peak = max(sampled_bytes, usage.ru_maxrss * unit)
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return Verdict("exit", code, "", peak)
    if -code == signal.SIGXFSZ:
        most = limits["file_mb"]
        return Verdict("disk", None, f"It wrote a file larger than {most} MB.", peak)
    if usage.ru_utime + usage.ru_stime >= limits["cpu_s"]:
        most = limits["cpu_s"]
        return Verdict("timeout", None, f"It used more than {most} s of processor time.", peak)
    return Verdict("signal", None, f"It was ended by signal {-code}.", peak)


def _end_all(child: int) -> None:
    """Kill until no child is left; one the kernel cannot end now is not waited for for ever."""
    give_up = time.monotonic() + END_WITHIN_S
    while time.monotonic() < give_up:
        if sys.platform == "linux":
            kill_all(descendants(os.getpid()))
        else:
            kill(-child)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)
