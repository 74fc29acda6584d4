"""Results that lead to more fetching: follow links until there are no new ones, or enough.

A queue holds the URLs that are still to be fetched, and every URL has exactly one outcome. So once there are as many
outcomes as URLs, no request runs that could find another URL, and the queue ends.
"""

import asyncio
import re
import sys
from urllib.parse import urljoin

import penstock

LIMIT = 100


async def main(urls):
    found, todo, done = set(), asyncio.Queue(), 0

    def add(links):
        for url in links:
            if url not in found and len(found) < LIMIT:
                found.add(url)
                todo.put_nowait(url)
        if done == len(found):
            todo.put_nowait(None)

    async def until_the_end():
        while (url := await todo.get()) is not None:
            yield url

    add(urls)
    async for page in penstock.fetch(until_the_end()):
        print(page.url, page.status or page.error)
        done += 1
        add(urljoin(page.final_url, link) for link in re.findall('<a href="(.*?)"', page.text()))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or map(str.strip, sys.stdin)))
