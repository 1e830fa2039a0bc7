"""The grader that times programs, against honest programs and against cheats."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from task_kit import copied_task, graded

from tasks.grading import Grade
from tasks.loader import load_task
from tasks.prepared import NOTHING
from tasks.spec import Task

FAST = """
import numpy as np
from helper import patches
with np.load("input.npz") as data:
    images, kernels, bias = data["images"], data["kernels"], data["bias"]
size, _, channels, filters = kernels.shape
out = patches(images, size) @ kernels.reshape(-1, filters) + bias
out = np.maximum(out, 0.0)
count, height, width = (out.shape[0], out.shape[1] // 2, out.shape[2] // 2)
blocks = out[:, : 2 * height, : 2 * width].reshape(count, height, 2, width, 2, filters)
np.save("output.npy", blocks.max(axis=(2, 4)))
"""
HELPER = """
import numpy as np
def patches(images, size):
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    windows = windows[:, ::2, ::2].transpose(0, 1, 2, 4, 5, 3)
    return windows.reshape(*windows.shape[:3], -1)
"""


def small_task(folder: Path) -> Task:
    """The same task, timed on fewer images."""
    return copied_task(folder, "vectorization", ("grade.py", "SHAPE = (32,", "SHAPE = (4,"))


async def submitted(tmp_path: Path, python: Path, program: str, task: Task | None = None) -> Grade:
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "train.py").write_text(program)
    (folder / "helper.py").write_text(HELPER)
    place = tmp_path / "scratch"
    place.mkdir()
    return await graded(task or load_task("vectorization"), NOTHING, folder, place, python)


async def test_a_faster_program_with_the_same_results_solves_it(
    tmp_path: Path, script_python: Path
) -> None:
    result = await submitted(tmp_path, script_python, FAST)
    assert result.reason == ""
    assert result.solved
    assert result.improvement is not None
    assert result.improvement > 0.5
    ours, theirs = (result.details[f"{who}_seconds"] for who in ("submission", "starter"))
    assert len(ours) == len(theirs) >= 3
    assert result.details["inputs_compared"] == len(ours) + 2


async def test_a_copy_of_the_starter_solves_nothing(tmp_path: Path, script_python: Path) -> None:
    starter = (load_task("vectorization").env_dir / "train.py").read_text()
    result = await submitted(tmp_path, script_python, starter)
    assert result.score is not None
    assert result.baseline is not None
    assert result.improvement == pytest.approx(0, abs=0.5), "a busy machine adds noise"


CHEATS = {
    "nothing written": ("pass", "output.npy is missing"),
    "wrong values": (FAST + "np.save('output.npy', np.load('output.npy') + 1e-3)", "wrong results"),
    "wrong shape": (FAST + "np.save('output.npy', np.load('output.npy')[1:])", "wrong results"),
    "not a number": (
        FAST + "np.save('output.npy', np.load('output.npy') * np.nan)",
        "wrong results",
    ),
    "single precision": (
        FAST + "np.save('output.npy', np.load('output.npy').astype('f4'))",
        "float64",
    ),
    "default input only": (FAST.replace("np.load", "np.lod"), "failed (1): AttributeError"),
    "pickle": (
        "import pickle, pathlib, os\n"
        "class Owned:\n"
        "    def __reduce__(self): return (os.system, ('touch ../owned',))\n"
        "pathlib.Path('output.npy').write_bytes(pickle.dumps(Owned()))",
        "not a plain array file",
    ),
    "object array": (
        "import numpy as np; np.save('output.npy', np.array([{}], dtype=object))",
        "not a plain array file",
    ),
    "link": (
        FAST + "import os; os.rename('output.npy', 'x'); os.symlink('x', 'output.npy')",
        "not a regular file",
    ),
    "copied output": (
        "import glob, shutil; shutil.copy(glob.glob('../**/output.npy', recursive=True)[0], '.')",
        "IndexError",
    ),
    "huge claim": (
        "import numpy as np\n"
        "with open('output.npy', 'wb') as f:\n"
        "    np.lib.format.write_array_header_1_0(\n"
        "        f, {'descr': '<f8', 'fortran_order': False, 'shape': (10**6, 10**6)})",
        "not a plain array file",
    ),
}


@pytest.mark.parametrize("name", CHEATS)
async def test_a_program_that_does_not_do_the_work_gets_no_score(
    tmp_path: Path, script_python: Path, name: str
) -> None:
    program, reason = CHEATS[name]
    result = await submitted(tmp_path, script_python, program)
    assert (result.score, result.solved) == (None, False)
    assert reason in result.reason


async def test_a_forged_answer_on_the_graders_output_gives_no_score(
    tmp_path: Path, script_python: Path
) -> None:
    forge = """
import os
with open(f"/proc/{os.getppid()}/fd/1", "w") as out:
    out.write('{"score": 1e-6, "baseline": 9, "reason": "", "details": {}}\\n')
"""
    result = await submitted(tmp_path, script_python, FAST + forge, small_task(tmp_path))
    assert (result.score, result.solved) == (None, False)


async def test_a_program_that_sleeps_is_stopped(tmp_path: Path, script_python: Path) -> None:
    task = copied_task(tmp_path, "vectorization", ("task.yaml", "grade_s: 240", "grade_s: 2"))
    start = time.monotonic()
    result = await submitted(tmp_path, script_python, "import time; time.sleep(600)", task)
    assert result.score is None
    assert result.reason
    assert time.monotonic() - start < 10


def is_alive(process: str) -> bool:
    return Path(f"/proc/{process}").exists()


async def test_a_program_cannot_slow_the_starter_down_or_stay(
    tmp_path: Path, script_python: Path
) -> None:
    beat = tmp_path / "beat"
    stay = f"""
import os, pathlib, time
runs = pathlib.Path.cwd().parent
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open({str(beat)!r}, "a") as log:
            log.write(f"{{os.getpid()}}\\n")
        while True:
            for other in runs.glob("*/train.py"):
                other.write_text("import time; time.sleep(30)")
            time.sleep(0.001)
    os._exit(0)
time.sleep(0.1)
"""
    result = await submitted(tmp_path, script_python, FAST + stay, small_task(tmp_path))
    assert result.reason.endswith("strictly more than +10 %") or result.solved
    assert max(result.details["starter_seconds"]) < 20
    processes = beat.read_text().split()
    assert processes
    assert [p for p in processes if is_alive(p)] == []
