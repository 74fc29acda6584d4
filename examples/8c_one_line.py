"""Cooperator in one line: 50 at once, just as lazy, and one outcome for every URL."""

import sys

import penstock


def main(urls):
    for page in penstock.fetch(urls, concurrency=50):
        print(page.url, page.status or page.error, len(page.body))


if __name__ == "__main__":
    main(sys.argv[1:] or map(str.strip, sys.stdin))
