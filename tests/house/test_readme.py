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

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
ROOT = Path(__file__).parents[2]


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


def execute(example: str, **names: object) -> None:
    """In a coroutine, since there are loops with ``async for``; a plain loop works there as well."""
    code = compile(example, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    coroutine = eval(code, names)
    assert inspect.iscoroutine(coroutine)
    asyncio.run(coroutine)


def test_the_example_that_fetches_runs(urls, capsys):
    fetching, _ = blocks("python")
    execute(fetching, urls=urls)
    assert capsys.readouterr().out.count(" 200 ") == len(urls)
    assert Path("pages", "run.db").exists()


def test_the_example_of_any_work_runs(capsys):
    async def work(item):
        await asyncio.sleep(0)
        if item == 3:
            raise OSError("the third has failed")
        return f"value {item}"

    _, example = blocks("python")
    execute(example, work=work, items=range(8), tenant=lambda item: item % 2)
    assert sorted(capsys.readouterr().out.splitlines()) == [
        f"{item} {'the third has failed' if item == 3 else f'value {item}'}" for item in range(8)
    ]


def test_the_commands_run_one_after_the_other(urls):
    commands = [
        shlex.split(line.split(" | ")[0], comments=True)
        for block in blocks("")
        for line in block.splitlines()
        if line.startswith("penstock ") and line.split()[1] != "demo"
    ]
    assert [command[1] for command in commands] == ["plan", "fetch", "resume", "retry", "verify", "fetch"]
    for command in commands:
        ended = CliRunner().invoke(main, command[1:])
        assert ended.exit_code == 0, (command, ended.output)


def test_it_is_short():
    assert len(README.split()) <= 700


def test_every_target_named_is_in_the_makefile():
    named = set(re.findall(r"\bmake ([a-z-]+)", README)) | set(re.findall(r"`make ([a-z-]+)", README))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert named >= {"test", "bench"}
    assert named <= targets


def test_every_file_and_folder_named_is_there():
    named = set(re.findall(r"`(tests/[a-z_/.]+)`", README)) | set(re.findall(r"\]\(([^)#]+)\)", README))
    assert {name for name in named if not (ROOT / name).exists()} == set()
