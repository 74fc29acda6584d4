#!/usr/bin/env bash
# robotspy 0.13.0 (PyPI), beside protego 0.7.0.
# Behaviour: robotspy reads "//" in the path of a URL as "/" before it compares, but not in the rules. So a rule with two
# slashes never matches, and one with a single slash matches what it does not name. It also decodes %2F in a rule to a
# slash, which RFC 9309, section 2.2.2, keeps apart.
# Seen, may /a//b be fetched? "Disallow: /a//b": robotspy yes, protego no. "Disallow: /a/b": robotspy no, protego yes.
# "Disallow: /a%2Fb", may /a/b/c be fetched? robotspy no, protego yes.
# Surprises: sites whose paths hold whole URLs (/proxy/http://host/), and crawlers of them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet 'protego==0.7.0' 'robotspy==0.13.0'
"$folder/env/bin/python" - <<'PYTHON'
import sys

import robots
from protego import Protego

SITE = "http://a.example"
seen = []
for rule, path in (("/a//b", "/a//b"), ("/a/b", "/a//b"), ("/a%2Fb", "/a/b/c")):
    rules = f"User-agent: *\nDisallow: {rule}\n"
    one = robots.RobotsParser.from_string(rules).can_fetch("x", SITE + path)
    other = Protego.parse(rules).can_fetch(SITE + path, "x")
    seen.append((one, other))
    print(f"Disallow: {rule}, may {path} be fetched? robotspy {one}, protego {other}")
sys.exit(seen != [(True, False), (False, True), (False, True)])
PYTHON
