"""Results that lead to more fetching, with asyncio alone."""

import asyncio
import re
import sys
from urllib.parse import urljoin

from get import get

LIMIT = 100


async def crawl(url, found):
    if url in found or len(found) >= LIMIT:
        return
    found.add(url)
    body = await get(url)
    print(url, len(body))
    links = [urljoin(url, link.decode()) for link in re.findall(b'<a href="(.*?)"', body)]
    await asyncio.gather(*[crawl(link, found) for link in links])


async def main(urls):
    found = set()
    await asyncio.gather(*[crawl(url, found) for url in urls])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or map(str.strip, sys.stdin)))
