"""Run the tests on each Python named, in an environment of its own: ``interpreters.py 3.11 3.12``.

Interpreters that are not there are named and passed over; it fails where tests fail, or where none ran.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PYENV = Path.home() / ".pyenv" / "versions"


def find(version: str) -> str | None:
    """An interpreter of *version*: on the path if it really starts, else one that pyenv has."""
    candidates = [shutil.which(f"python{version}"), *map(str, sorted(PYENV.glob(f"{version}.*/bin/python")))]
    for candidate in filter(None, candidates):
        found = subprocess.run(
            [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        if found.returncode == 0 and found.stdout.strip() == version:
            return candidate
    return None


def main(versions: list[str]) -> int:
    """Test each; the exit code is 0 if all that ran passed, and at least one ran."""
    results = {}
    for version in versions:
        interpreter = find(version)
        if interpreter is None:
            print(f"Python {version}: not here, passed over")
            continue
        print(f"Python {version}: {interpreter}", flush=True)
        make = ["make", "test", f"PYTHON={interpreter}", f"VENV=.venv-{version}"]
        results[version] = subprocess.run(make, cwd=ROOT, check=False).returncode
    for version, code in results.items():
        print(f"Python {version}: {'passed' if code == 0 else 'failed'}")
    return 0 if results and not any(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
