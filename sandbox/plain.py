"""The rung without isolation: limits, a clean environment and no process left, but no walls."""

from __future__ import annotations

import asyncio
import math
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, cast

from core.offload import off_loop
from sandbox.base import EndedBy, Execution, Limits, Program
from sandbox.environment import MARK, environment, usable_cores
from sandbox.output import Cleaner, Kept
from sandbox.proctree import descendants, kill, kill_all, marked
from sandbox.removal import remove_tree
from sandbox.stage import Orders, Verdict, decode_verdict, encode_orders

CHECKOUT = Path(__file__).resolve().parents[1]
BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from sandbox.stage import main; main(sys.argv[2:])"
)
MIB = 1024 * 1024
CHUNK = 65536
STAGE_MAY_TAKE_S = 2.0
PIPES_MAY_STAY_OPEN_S = 1.0


@dataclass(slots=True)
class Running:
    """A stage that was started, and what it says."""

    process: Process
    report: asyncio.Task[bytes]
    """Ends when the stage does."""
    mark: str
    drains: list[asyncio.Task[None]] = field(default_factory=list)


class PlainSandbox:
    """Runs programs as the service's own user. For programs shipped with this project only."""

    name = "plain"
    unprotected: tuple[str, ...] = (
        "The program can read and change every file that the service's user can.",
        "The program can use the network.",
        "The program can see, signal and kill other processes of the same user, the service too.",
        "Memory, processes and disk are sampled, so a limit can be overshot before it acts.",
    )

    async def run(self, program: Program) -> Execution:
        """Run to the end or to a limit; cancelling kills every process before it is felt.

        Raises only what `program.on_output` raises.
        """
        started = time.monotonic()
        private = Path(await off_loop(tempfile.mkdtemp, prefix="budgetml-program-"))
        kept = Kept(program.limits.output_bytes), Kept(program.limits.output_bytes)
        try:
            verdict = await _supervise(program, private, kept)
        finally:
            await off_loop(remove_tree, private)
        return Execution(
            ended_by=cast(EndedBy, verdict.ended_by),
            exit_code=verdict.code,
            stdout=kept[0].finish(),
            stderr=kept[1].finish(),
            seconds=time.monotonic() - started,
            peak_memory_mb=math.ceil(verdict.peak_bytes / MIB),
            detail=verdict.detail,
        )


async def _supervise(program: Program, private: Path, kept: tuple[Kept, Kept]) -> Verdict:
    try:
        running = await _start(program, private)
    except (OSError, ValueError) as error:
        return Verdict("setup", detail=f"{program.argv[0]} could not be started: {error}")
    for stream, keep in zip((running.process.stdout, running.process.stderr), kept, strict=True):
        assert stream is not None
        running.drains.append(asyncio.create_task(_drain(stream, keep, program.on_output)))
    try:
        await _until_end(running, program.limits.wall_s)
    finally:
        await _end(running)
    for drain in running.drains:
        if not drain.cancelled():
            drain.result()
    return _verdict(running.report.result(), program.limits)


async def _start(program: Program, private: Path) -> Running:
    if not Path(program.argv[0]).is_absolute():
        raise ValueError("its path is not absolute: give the whole path")
    told_fd, report_fd = os.pipe()
    told = FileIO(told_fd)
    try:
        process = await asyncio.create_subprocess_exec(
            *_command(program, private, report_fd),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment(program, private),
            start_new_session=True,
            pass_fds=(report_fd,),
            cwd="/",
        )
    except BaseException:
        told.close()
        raise
    finally:
        os.close(report_fd)
    return Running(process, asyncio.create_task(_read_all(told)), f"{MARK}={private.name}")


def _command(program: Program, private: Path, report_fd: int) -> tuple[str, ...]:
    folder = str(program.cwd.absolute())
    orders = Orders(report_fd, folder, str(private), _limits(program.limits), list(program.argv))
    return (sys.executable, "-I", "-S", "-c", BOOT, str(CHECKOUT), *encode_orders(orders))


def _limits(limits: Limits) -> dict[str, int]:
    cpu_s = limits.cpu_s or math.ceil(limits.wall_s * usable_cores())
    return {
        "cpu_s": max(cpu_s, 1),
        "memory_mb": limits.memory_mb,
        "processes": limits.processes,
        "file_mb": limits.file_mb,
        "disk_mb": limits.disk_mb,
        "open_files": limits.open_files,
    }


async def _read_all(pipe: FileIO) -> bytes:
    """Everything until the stage, which alone has the other end, closes it or dies."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        return await reader.read()
    finally:
        transport.close()


async def _drain(
    stream: asyncio.StreamReader, keep: Kept, on_output: Callable[[str], None] | None
) -> None:
    """Read on after enough is kept, or the program would block."""
    cleaner = Cleaner()
    while True:
        data = await stream.read(CHUNK)
        text = cleaner.feed(data, final=not data)
        keep.add(text)
        if on_output is not None and text:
            on_output(text)
        if not data:
            return


async def _until_end(running: Running, wall_s: float) -> None:
    """Until the stage ends, the time is up or a listener of the output fails."""
    deadline = time.monotonic() + wall_s
    waiting: set[asyncio.Task[Any]] = {running.report, *running.drains}
    while not running.report.done():
        done, waiting = await asyncio.wait(
            waiting,
            timeout=max(deadline - time.monotonic(), 0),
            return_when=asyncio.FIRST_COMPLETED,
        )
        if not done or any(task.exception() for task in done):
            return


async def _end(running: Running) -> None:
    """Closing its standard input tells the stage to kill everything and report."""
    stdin = running.process.stdin
    assert stdin is not None
    stdin.close()
    try:
        await asyncio.wait({running.report}, timeout=STAGE_MAY_TAKE_S)
    finally:
        if not running.report.done() or not running.report.result():
            _kill_by_hand(running)
    await asyncio.wait(running.drains, timeout=PIPES_MAY_STAY_OPEN_S)
    for drain in running.drains:
        drain.cancel()
    await running.report
    await running.process.wait()


def _kill_by_hand(running: Running) -> None:
    """For a stage that the program stopped or killed: only /proc knows what belonged to it."""
    pid = running.process.pid
    if running.process.returncode is None:
        kill_all(descendants(pid))
        kill(pid)
    for _ in range(50):
        left = marked(running.mark)
        if not left:
            return
        kill_all(left)
        time.sleep(0.005)


def _verdict(report: bytes, limits: Limits) -> Verdict:
    verdict = decode_verdict(report)
    if verdict is None:
        return Verdict("signal", detail="It stopped or killed the process that supervised it.")
    if verdict.ended_by == "asked":
        detail = f"It ran longer than {limits.wall_s:g} s."
        return verdict._replace(ended_by="timeout", detail=detail)
    return verdict
