"""Cooperator, with asyncio alone: 50 workers share one iterator."""

import asyncio
import sys

from get import get


async def worker(urls):
    for url in urls:
        print(url, len(await get(url)))


async def main(urls):
    urls = iter(urls)
    await asyncio.gather(*[worker(urls) for _ in range(50)], return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or map(str.strip, sys.stdin)))
