"""What a program prints is safe to show and bounded, wherever the chunks are cut."""

from __future__ import annotations

import time

import pytest

from sandbox.output import Cleaner, Kept


def cleaned(content: bytes, size: int) -> str:
    """Feed the content in chunks of one size."""
    cleaner = Cleaner()
    pieces = [cleaner.feed(content[at : at + size]) for at in range(0, len(content), size)]
    return "".join(pieces) + cleaner.feed(b"", final=True)


def kept(text: str, size: int, most: int = 1000) -> str:
    """Add the text in pieces of one size."""
    keep = Kept(most)
    for at in range(0, len(text), size):
        keep.add(text[at : at + size])
    return keep.finish()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_escapes_and_control_characters_disappear(size: int) -> None:
    content = (
        "\x1b[1;31mröt\x1b[0m\x1b]0;title\x07\x1b]8;;http://x\x1b\\\tok\x00\x08\x7f\x9b\n\x1b(B"
    )
    assert cleaned(content.encode(), size) == "röt\tok\n"


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_invalid_bytes_are_shown_as_such(size: int) -> None:
    assert cleaned(b"a\xffb\xc3", size) == "a\ufffdb\ufffd"


@pytest.mark.parametrize(
    "content", [b"\x1b", b"\x1b[", b"\x1b]" + b"x" * 9000, b"\x1b[" + b"0" * 9000]
)
def test_an_escape_that_never_ends_hides_nothing_after_it(content: bytes) -> None:
    shown = cleaned(content * 2 + b"\nend", 64)
    assert shown.endswith("\nend")
    assert "\x1b" not in shown


@pytest.mark.parametrize("size", [1, 3, 4, 1000])
def test_a_progress_bar_leaves_its_last_drawing(size: int) -> None:
    ticks = "".join(f"\r{number}%" for number in range(101))
    assert kept(f"start\r\n{ticks}\nend\n", size) == "start\n100%\nend\n"
    assert kept("10%\r20%\r", size) == "20%"
    assert kept("a\r\nb\r\r\nc", size) == "a\nb\nc"


def test_head_and_tail_survive_and_the_gap_is_counted() -> None:
    text = kept("".join(f"{number:09}\n" for number in range(1000)), 77, most=100)
    assert text.startswith("000000000\n000000001\n")
    assert text.endswith("000000998\n000000999\n")
    assert "[... 9900 bytes left out ...]" in text


def test_a_cut_inside_a_character_leaves_valid_text() -> None:
    text = kept("ü" * 1000, 10, most=101)
    assert text.count("ü") == 50
    assert "\ufffd" not in text


def test_one_endless_line_is_bounded_in_memory_and_time() -> None:
    keep, started = Kept(1000), time.perf_counter()
    for _ in range(2000):
        keep.add("x" * 1000)
    assert len(keep.finish()) < 1100
    assert time.perf_counter() - started < 5
