"""A parametrised batch: every limit is a keyword, and three of them can change during the run."""

import sys

import penstock

POLITE = {"concurrency": 50, "per_host": 2, "delay": 0.1, "rate": 100, "timeout": 10, "attempts": 2}


def main(urls):
    pages = penstock.fetch(urls, **POLITE)
    for page in pages:
        print(page.url, page.status or page.error)
        if page.status == 429:  # Too Many Requests
            pages.rate /= 2


if __name__ == "__main__":
    main(sys.argv[1:] or map(str.strip, sys.stdin))
