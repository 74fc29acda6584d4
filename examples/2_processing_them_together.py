"""Process pages together: count and sum them up, and keep none of them."""

import sys
from collections import Counter

import penstock


def main(urls):
    found, size = Counter(), 0
    for page in penstock.fetch(urls):
        found[page.status or page.error] += 1
        size += len(page.body)
    for what, count in found.most_common():
        print(count, what)
    print(size, "bytes")


if __name__ == "__main__":
    main(sys.argv[1:] or map(str.strip, sys.stdin))
