"""A callback per page, with asyncio alone."""

import asyncio
import re
import sys

from get import get


def title(body):
    return re.search(b"<title>(.*?)</title>", body)[1].decode()


async def one(url):
    print(title(await get(url)))


async def main(urls):
    async with asyncio.TaskGroup() as group:
        for url in urls:
            group.create_task(one(url))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or map(str.strip, sys.stdin)))
