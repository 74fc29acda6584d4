"""What the README tells people to type works as it stands there."""

import ast
import asyncio
import inspect
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from penstock.cli import main
from penstock.testing.web import LocalWeb

README = (Path(__file__).parent.parent / "README.md").read_text()
ROOT = Path(__file__).parent.parent


@pytest.fixture
def urls(tmp_path, monkeypatch):
    """A list of pages of a local web, also as urls.txt in the folder the examples run in."""
    monkeypatch.chdir(tmp_path)
    with LocalWeb(hosts=4) as web:
        found = [web.url(number % 4, f"/page/{number}") for number in range(8)]
        Path("urls.txt").write_text("\n".join(found))
        yield found


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_example_runs(urls, capsys):
    """In a coroutine, since one of its loops is ``async for``; the plain loop works there as well."""
    (example,) = blocks("python")
    code = compile(example, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names = {"urls": urls}
    coroutine = eval(code, names)
    assert inspect.iscoroutine(coroutine)
    asyncio.run(coroutine)
    assert capsys.readouterr().out.count(" 200 ") == len(urls)
    assert Path("pages", "run.db").exists()


def test_the_commands_run_one_after_the_other(urls):
    commands = [
        shlex.split(line.split(" | ")[0], comments=True)
        for block in blocks("")
        for line in block.splitlines()
        if line.startswith("penstock ")
    ]
    assert [command[1] for command in commands] == ["fetch", "resume", "verify", "fetch", "plan"]
    for command in commands:
        ended = CliRunner().invoke(main, command[1:])
        assert ended.exit_code == 0, (command, ended.output)


def test_every_target_named_is_in_the_makefile():
    named = set(re.findall(r"\bmake ([a-z-]+)", README)) | set(re.findall(r"`make ([a-z-]+)", README))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named >= {"demo", "test", "bench"}
    assert named <= targets


def test_every_file_and_folder_named_is_there():
    named = set(re.findall(r"`(tests/[a-z_/.]+)`", README)) | set(re.findall(r"\]\(([^)#]+)\)", README))
    assert {name for name in named if not (ROOT / name).exists()} == set()
