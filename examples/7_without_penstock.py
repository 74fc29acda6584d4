"""A semaphore, with asyncio alone."""

import asyncio
import sys
from collections import defaultdict
from urllib.parse import urlsplit

from get import get


async def main(urls):
    room, hosts = asyncio.Semaphore(50), defaultdict(lambda: asyncio.Semaphore(2))

    async def one(url):
        async with room, hosts[urlsplit(url).hostname]:
            try:
                print(url, len(await get(url)))
            except OSError as error:
                print(url, error)

    async with asyncio.TaskGroup() as group:
        for url in urls:
            group.create_task(one(url))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or map(str.strip, sys.stdin)))
