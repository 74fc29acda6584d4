#!/usr/bin/env bash
# protego 0.7.0 (PyPI; what Scrapy uses), beside robotspy 0.13.0 and gpyrobotstxt 1.0.0 (a port of Google's parser).
# Behaviour: a Crawl-delay between two User-agent lines ends the group for protego, so the first agent gets none of the
# rules below. RFC 9309, section 2.2.4, says that other records must not interfere with groups. Besides, protego looks for
# the group's name anywhere in the agent it is given: a whole User-Agent with a contact URL in it is caught by a group that
# is named after a word of that URL.
# Seen: "User-agent: penstock / Crawl-delay: 10 / User-agent: other / Disallow: /private/": may "penstock" fetch
# /private/? protego yes, the other two no. Group "bot", agent "penstock/1 (+https://example.org/bot.html)": protego
# applies it.
# Surprises: whoever relies on Disallow rules below a Crawl-delay, and whoever names a contact page in the User-Agent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet 'protego==0.7.0' 'robotspy==0.13.0' 'gpyrobotstxt==1.0.0'
"$folder/env/bin/python" - <<'PYTHON'
import sys

import robots
from gpyrobotstxt.robots_cc import RobotsMatcher
from protego import Protego

RULES = "User-agent: penstock\nCrawl-delay: 10\nUser-agent: other\nDisallow: /private/\n"
URL = "http://a.example/private/"

seen = {
    "protego": Protego.parse(RULES).can_fetch(URL, "penstock"),
    "robotspy": robots.RobotsParser.from_string(RULES).can_fetch("penstock", URL),
    "gpyrobotstxt": RobotsMatcher().one_agent_allowed_by_robots(RULES.encode(), "penstock", URL),
}
caught = not Protego.parse("User-agent: bot\nDisallow: /\n").can_fetch(URL, "penstock/1 (+https://example.org/bot.html)")
for name, allowed in seen.items():
    print(f"{name}: penstock {'may' if allowed else 'may not'} fetch /private/")
print(f"protego: the group 'bot' {'applies' if caught else 'does not apply'} to penstock/1 (+https://example.org/bot.html)")
sys.exit(seen != {"protego": True, "robotspy": False, "gpyrobotstxt": False} or not caught)
PYTHON
