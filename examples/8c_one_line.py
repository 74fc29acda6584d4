"""Cooperator in one line: 50 at once, as lazily, and no URL is ever lost."""

import sys

import penstock


def main(urls):
    for page in penstock.fetch(urls, concurrency=50):
        print(page.url, page.status or page.error, len(page.body))


if __name__ == "__main__":
    main(sys.argv[1:] or map(str.strip, sys.stdin))
