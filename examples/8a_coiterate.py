"""Cooperator on asyncio: 50 workers share one generator, and no call exists before a worker asks for it."""

import asyncio
import sys

from get import get

import penstock


async def show(url):
    print(url, len(await get(url)))


async def main(urls):
    work = (show(url) for url in urls)
    await asyncio.gather(*[penstock.coiterate(work, on_error=print) for _ in range(50)])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or map(str.strip, sys.stdin)))
