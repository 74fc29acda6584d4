"""docs/tutorial.md: a newcomer who types what it shows sees what it shows."""

from __future__ import annotations

import subprocess

import pytest
from tests.docs.blocks import DOCS, ENVIRONMENT, blocks, commands, execute, is_as_said

PAGE = (DOCS / "tutorial.md").read_text(encoding="utf-8")

SERVING = "python web.py"
"""The command that stays in a terminal of its own."""


def test_everything_that_it_shows_happens_in_order(tmp_path):
    installing, *shown = blocks(PAGE)
    assert installing.language == ""
    assert {block.language for block in shown} == {"python", "console"}
    server, typed = None, 0
    try:
        for block in shown:
            if block.language == "python":
                assert block.file, block.before
                (tmp_path / block.file).write_text(block.text, encoding="utf-8")
                continue
            for command in commands(block):
                typed += 1
                if command.line == SERVING:
                    server = subprocess.Popen(
                        SERVING.split(),
                        cwd=tmp_path,
                        env=ENVIRONMENT,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        encoding="utf-8",
                    )
                    prints = [server.stdout.readline()]
                else:
                    prints = execute(command.line, tmp_path)
                assert is_as_said(prints, command.prints or ["..."]), (command, prints)
        assert server is not None
        assert server.poll() is None, "it serves until the end"
        server.communicate("\n", timeout=10)
        assert server.returncode == 0
    finally:
        if server is not None:
            server.kill()
            server.wait()
    assert typed >= 10


@pytest.mark.parametrize(
    ("prints", "said", "holds"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a", "b"], ["a"], False),
        (["a"], ["a", "b"], False),
        (["a", "b", "c"], ["...", "c"], True),
        (["a", "b", "c"], ["...", "b"], False),
        (["it took 0.3 s."], ["it took ... s."], True),
        (["it took  s"], ["it took ... s."], False),
        (["a.b"], ["a+b"], False),
    ],
)
def test_what_a_page_shows_is_compared_line_by_line(prints, said, holds):
    assert is_as_said(prints, said) is holds
