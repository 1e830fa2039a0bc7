"""What a program gets, gives and costs in the plain sandbox."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from sandbox_programs import names, run

from sandbox.base import Execution, Program
from sandbox.plain import PlainSandbox

CHECKOUT = Path(__file__).resolve().parents[1]


async def test_output_exit_code_and_folder(tmp_path: Path) -> None:
    script = "import os, sys; print(os.getcwd()); print('bad', file=sys.stderr); sys.exit(3)"
    done = await run(tmp_path, script)
    assert (done.ended_by, done.exit_code, done.ok) == ("exit", 3, False)
    assert (done.stdout, done.stderr) == (f"{tmp_path}\n", "bad\n")


async def test_nothing_of_the_service_is_inherited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    leak = (tmp_path / "open file").open("w")
    os.set_inheritable(leak.fileno(), True)
    script = """
        import os, signal, sys
        print(sorted(os.environ), os.environ["HOME"] == os.environ["TMPDIR"])
        print(os.listdir(os.environ["HOME"]), sys.stdin.read() == "")
        handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGHUP)]
        print([handler == signal.SIG_DFL for handler in handlers])
        for number in range(3, 100):
            try:
                os.fstat(number)
                print("open", number)
            except OSError:
                pass
    """
    done = await run(tmp_path, script)
    leak.close()
    names, *rest = done.stdout.split("] ", 1)
    assert "OPENAI" not in names
    assert "PYTHONPATH" not in names
    assert "'MPLBACKEND'" in names
    assert rest == ["True\n[] True\n[True, True]\n"]


async def test_the_programs_own_variables_win(tmp_path: Path) -> None:
    argv = (sys.executable, "-c", "import os; print(os.environ['LANG'], os.environ['SEED'])")
    done = await PlainSandbox().run(Program(argv, tmp_path, env={"LANG": "C", "SEED": "7 8"}))
    assert done.stdout == "C 7 8\n"


@pytest.mark.parametrize("name", ["a b.py", "-c.py", "two\nlines.py", "$(touch x).py", "ü'\".py"])
async def test_any_file_name_is_only_a_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("print('ran')")
    done = await PlainSandbox().run(Program((sys.executable, str(tmp_path / name)), tmp_path))
    assert done.stdout == "ran\n"
    assert names(tmp_path) == [name]


@pytest.mark.parametrize(
    ("argv0", "folder"),
    [
        ("/does/not/exist", "."),
        ("/etc/passwd", "."),
        ("python3", "."),
        (sys.executable, "absent"),
        ("/nul\0byte", "."),
    ],
)
async def test_what_cannot_start_is_said(tmp_path: Path, argv0: str, folder: str) -> None:
    done = await PlainSandbox().run(Program((argv0, "-c", "print(1)"), tmp_path / folder))
    assert (done.ended_by, done.exit_code, done.stdout) == ("setup", None, "")
    assert "could not be started" in done.detail


async def test_a_signal_is_told_from_an_exit(tmp_path: Path) -> None:
    done = await run(tmp_path, "import os; os.abort()")
    assert (done.ended_by, done.exit_code) == ("signal", None)
    assert str(int(signal.SIGABRT)) in done.detail
    assert not names(tmp_path)


async def test_output_arrives_while_the_program_runs(tmp_path: Path) -> None:
    arrived: list[tuple[float, str]] = []
    argv = (
        sys.executable,
        "-c",
        "import time; print('\\033[1mone'); time.sleep(0.4); print('two')",
    )
    started = time.monotonic()
    listener = Program(
        argv, tmp_path, on_output=lambda text: arrived.append((time.monotonic() - started, text))
    )
    done = await PlainSandbox().run(listener)
    assert "".join(text for _, text in arrived) == done.stdout == "one\ntwo\n"
    assert arrived[0][0] < done.seconds - 0.3


def test_it_works_in_a_loop_that_is_not_in_the_main_thread(tmp_path: Path) -> None:
    results: list[Execution] = []
    thread = threading.Thread(
        target=lambda: results.append(asyncio.run(run(tmp_path, "print('ran')")))
    )
    thread.start()
    thread.join()
    assert results[0].stdout == "ran\n"


async def test_programs_run_side_by_side(tmp_path: Path) -> None:
    script = "import time; time.sleep(0.5); print('ran')"
    started = time.monotonic()
    done = await asyncio.gather(*(run(tmp_path, script) for _ in range(6)))
    assert [execution.stdout for execution in done] == ["ran\n"] * 6
    assert time.monotonic() - started < 2.5


async def test_the_sandbox_costs_little_time(tmp_path: Path) -> None:
    true = Program((sys.executable, "-I", "-S", "-c", "pass"), tmp_path)
    fastest = min([(await PlainSandbox().run(true)).seconds for _ in range(8)])
    assert fastest < 0.2
