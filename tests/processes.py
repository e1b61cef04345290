"""Processes as /proc shows them."""

from pathlib import Path

from worker.stack.state import birth_of


def descendants(pid: int) -> list[int]:
    """The process and all below it."""
    return [pid, *(below for child in children_of(pid) for below in descendants(child))]


def children_of(pid: int, word: str = "") -> list[int]:
    """Its children, or those of them with this word on their command line."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:  # it ended meanwhile
        return []
    return [int(child) for child in children if word in _command_line(child)]


def family_of(pid: int) -> dict[int, str]:
    """The process and all below it, each with when it began."""
    return {member: birth for member in descendants(pid) if (birth := birth_of(member))}


def still_running(family: dict[int, str]) -> list[str]:
    """Who of them lives, by name: a number alone may belong to somebody else by now."""
    return [_command_line(str(pid)) for pid, birth in family.items() if birth_of(pid) == birth]


def _command_line(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""
