"""Structured results: a page and a failure both have their URL, and the other fields of their row."""

import sys

import penstock


def main(urls):
    rows = ({"url": url, "place": place} for place, url in enumerate(urls, 1))
    for page in penstock.fetch(rows):
        print(page.input["place"], page.url, page.status or page.error, page.attempts, page.final_url)


if __name__ == "__main__":
    main(sys.argv[1:] or map(str.strip, sys.stdin))
