"""Structured results, with asyncio alone."""

import asyncio
import sys

from get import get


async def get_with_url(url):
    return url, await get(url)


async def main(urls):
    for result in asyncio.as_completed([get_with_url(url) for url in urls]):
        try:
            url, body = await result
            print(url, len(body))
        except OSError as error:
            print("which URL was this?", error)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or map(str.strip, sys.stdin)))
