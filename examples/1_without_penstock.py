"""A list of results, with asyncio alone."""

import asyncio
import sys

from get import get


async def main(urls):
    bodies = await asyncio.gather(*[get(url) for url in urls])
    for number, body in enumerate(bodies):
        print(number, len(body))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or map(str.strip, sys.stdin)))
