"""A parametrised batch, with asyncio alone."""

import asyncio
import sys
from itertools import islice

from get import get


async def main(urls, size=50):
    urls = iter(urls)
    while batch := list(islice(urls, size)):
        results = await asyncio.gather(*[get(url) for url in batch], return_exceptions=True)
        for url, result in zip(batch, results, strict=True):
            print(url, result if isinstance(result, OSError) else len(result))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or map(str.strip, sys.stdin)))
