"""A callback per page: it runs for each page as that arrives. If it raises, only its own page is affected."""

import re
import sys

import penstock


def title(page):
    return re.search("<title>(.*?)</title>", page.text())[1]  # raises TypeError if there is none


def main(urls):
    for page in penstock.fetch(urls, on_page=title):
        print(page.data or f"{page.error}: {page.detail}")


if __name__ == "__main__":
    main(sys.argv[1:] or map(str.strip, sys.stdin))
