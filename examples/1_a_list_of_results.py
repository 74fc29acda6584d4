"""A list of results: one outcome for each URL, in the order of the URLs.

python examples/1_a_list_of_results.py URL... (or one URL a line on standard input)
"""

import sys

import penstock


def main(urls):
    pages = list(penstock.fetch(urls, ordered=True))
    for page in pages:
        print(page.seq, page.status or page.error, len(page.body))


if __name__ == "__main__":
    main(sys.argv[1:] or map(str.strip, sys.stdin))
