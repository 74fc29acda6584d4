"""A semaphore for any async function: 50 calls at once, 2 for one host. A call that waits for its host uses no slot."""

import asyncio
import sys
from urllib.parse import urlsplit

from get import get

import penstock


def host(url):
    return urlsplit(url).hostname


async def main(urls):
    async for result in penstock.throttle(get, urls, concurrency=50, key=host, per_key=2):
        print(result.item, result.error or len(result.value))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or map(str.strip, sys.stdin)))
