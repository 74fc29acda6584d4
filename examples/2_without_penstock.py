"""Process pages together, with asyncio alone."""

import asyncio
import sys

from get import get


async def main(urls):
    results = await asyncio.gather(*[get(url) for url in urls], return_exceptions=True)
    bodies = [result for result in results if isinstance(result, bytes)]
    print(len(bodies), "of", len(results))
    print(sum(map(len, bodies)), "bytes")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or map(str.strip, sys.stdin)))
