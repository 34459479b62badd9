"""What is installed is what was locked: each package in one version, with its hashes, and from no odd address."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
LOCKS = sorted(PROJECT.glob("requirements*.txt"))
_PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[a-z0-9,_-]+\])?==[0-9][A-Za-z0-9.+!-]*( ; [^\\]+)?\Z")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}\Z")


def requirements(text: str) -> list[list[str]]:
    """Each requirement as its parts: what is required, then its options. Comments are left out."""
    whole = re.sub(r"\\\n\s*", "\\\\", text)
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for line in whole.splitlines()]
    return [[part.strip() for part in line.split("\\")] for line in lines if line]


def problems(text: str) -> list[str]:
    """What is wrong with a lock."""
    found = []
    for required, *options in requirements(text):
        if not _PINNED.match(required):
            found.append(f"{required}: is not a package in one version")
        if not options or not all(_HASH.match(option) for option in options):
            found.append(f"{required}: has no hashes, or something else beside them")
    return found + re.findall(r"\S*(?:://|--index|--extra-index|--find-links|--trusted-host|file:|git\+)\S*", text)


LOCKED = {lock.name: requirements(lock.read_text(encoding="utf-8")) for lock in LOCKS}
CASES_AT_LEAST = {"test_every_package_is_locked_with_its_hashes": 150}


def test_there_are_locks() -> None:
    least = {"requirements-bench.txt": 6, "requirements-dev.txt": 31, "requirements.txt": 31}
    assert [lock.name for lock in LOCKS] == list(least)
    assert all(len(LOCKED[name]) >= count for name, count in least.items())
    assert sum(map(len, LOCKED.values())) >= CASES_AT_LEAST["test_every_package_is_locked_with_its_hashes"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_package_is_locked_with_its_hashes(lock: Path) -> None:
    assert problems(lock.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda text: re.sub(r" \\\n    --hash=\S+", "", text, count=400), "has no hashes"),
        (lambda text: text.replace("sha256", "md5", 1), "has no hashes"),
        (
            lambda text: re.sub(r"^([a-z-]+)==", r"\1>=", text, count=1, flags=re.MULTILINE),
            "is not a package in one version",
        ),
        (lambda text: "--index-url https://packages.example/simple\n" + text, "packages.example"),
        (lambda text: text + "evil @ https://packages.example/evil.whl\n", "is not a package in one version"),
        (lambda text: text + "-e git+ssh://packages.example/evil\n", "packages.example"),
        (lambda text: text + "--extra-index-url https://packages.example/simple\n", "packages.example"),
    ],
)
def test_control_a_spoilt_lock_is_noticed(spoil: object, problem: str) -> None:
    text = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
    assert callable(spoil)
    assert problem in "\n".join(problems(spoil(text)))


def test_whoever_installs_asks_for_the_hashes() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    dockerfile = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
    for line in (*makefile.splitlines(), *dockerfile.splitlines()):
        if "pip install" in line:
            assert "--require-hashes" in line, line


def test_what_the_product_runs_on_is_the_same_where_it_is_tested() -> None:
    tested = {parts[0] for parts in LOCKED["requirements-dev.txt"]}
    assert {parts[0] for parts in LOCKED["requirements.txt"]} <= tested
