"""The penstock that a client imports: this tree's, or an older commit's.

Knows trees, commits and environments. Does not know the clients.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.measure import ROOT, Broken, spawn

__all__ = ["HERE", "INSTALLED", "Build", "check", "check_out", "find_commit"]

INSTALLING: Final = 900.0
"""Seconds that the installation of an old commit may take."""


class Build(NamedTuple):
    """The sources in *tree* with the libraries of the interpreter *python*.

    Without a *tree*, the penstock installed there. *commit* is the full name of the
    commit if the tree is a checkout made here; a folder may hold anything.
    """

    tree: Path | None
    python: str = sys.executable
    commit: str | None = None

    @classmethod
    def in_folder(cls, folder: Path, commit: str) -> Build:
        """Return the build that ``check_out`` made in *folder*."""
        return cls(folder / "tree", str(folder / "env" / "bin" / "python"), commit)


INSTALLED: Final = Build(None)
HERE: Final = Build(ROOT)


def check(build: Build, work: Path) -> None:
    """Let a process import penstock from the tree of *build*, which also compiles it.

    Raises Broken if it gets another one.
    """
    assert build.tree is not None
    command = [build.python, "-c", "import penstock; print(penstock.__file__)"]
    said = spawn(command, work, tree=build.tree).said.strip()
    if not Path(said).is_relative_to(build.tree / "src"):
        raise Broken(f"{build.tree / 'src'} has no penstock: a process got {said}")


def find_commit(revision: str, repository: Path = ROOT) -> str:
    """Return the full name of the commit *revision* of Penstock.

    Raises Broken if *repository* has no such commit, or the commit has no Penstock.
    """
    if shutil.which("git") is None:
        raise Broken(f"{revision} is no folder, and to check out a commit needs git: apt-get install git")
    found = _git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found.returncode:
        if found.stderr.strip():
            raise Broken(f"{revision} is no folder, and git finds no commit: {found.stderr.strip().splitlines()[-1]}")
        shallow = _git(repository, "rev-parse", "--is-shallow-repository").stdout.strip() == "true"
        remedy = "; the clone is shallow, so fetch the rest: git fetch --unshallow" if shallow else ""
        raise Broken(f"{revision} is neither a folder nor a commit of {repository}{remedy}")
    commit = found.stdout.strip()
    if _git(repository, "cat-file", "-e", f"{commit}:src/penstock/__init__.py").returncode:
        raise Broken(f"commit {revision} is no older Penstock: it has no src/penstock")
    return commit


def check_out(commit: str, tell: Callable[[str], None]) -> Path:
    """Return a new temporary folder with a checkout of *commit* and its environment.

    The caller removes it. The libraries are the ones that the commit requires. Raises
    Broken if they cannot be installed.
    """
    if _git(ROOT, "merge-base", "--is-ancestor", commit, "HEAD").returncode:
        tell(f"{commit[:9]} is not an ancestor of this tree's commit; the table calls it old all the same")
    folder = Path(tempfile.mkdtemp(prefix="penstock-old-"))
    tell(f"install {commit[:9]} in {folder}")
    try:
        _install(Build.in_folder(folder, commit), folder)
    except BaseException:
        shutil.rmtree(folder)
        raise
    return folder


def _install(build: Build, folder: Path) -> None:
    """Make the tree and the interpreter of *build*, which are in *folder*."""
    archive = folder / "tree.tar"
    packed = _git(ROOT, "archive", "--format=tar", f"--output={archive}", str(build.commit))
    if packed.returncode:
        raise Broken(f"git archive {build.commit}: {packed.stderr.strip()}")
    with tarfile.open(archive) as members:
        members.extractall(folder / "tree", filter="data")
    spawn([sys.executable, "-m", "venv", str(folder / "env")], folder, INSTALLING)
    # Editable, as the installation of this tree is.
    command = [build.python, "-m", "pip", "install", "--quiet", "--editable", str(build.tree)]
    spawn(command, folder, INSTALLING)


def _git(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False)
