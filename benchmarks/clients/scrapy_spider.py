"""Scrapy with a spider of one callback, everything except fetching switched off.

It stores nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import scrapy
from scrapy.crawler import CrawlerProcess

from benchmarks.clients.protocol import Task, main


class Pages(scrapy.Spider):
    """Requests every URL, and counts the good pages."""

    name = "pages"
    task: Task
    ok = 0

    async def start(self) -> AsyncIterator[Any]:
        for url in self.task.lines():
            yield scrapy.Request(url, callback=self.count, dont_filter=True)

    def count(self, response: scrapy.http.Response) -> None:
        Pages.ok += response.status == 200 and len(response.body) == self.task.size


def fetch(task: Task) -> int:
    settings = {
        "CONCURRENT_REQUESTS": task.concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": task.concurrency,
        "DOWNLOAD_DELAY": 0,
        "ROBOTSTXT_OBEY": False,
        "COOKIES_ENABLED": False,
        "RETRY_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "LOG_ENABLED": False,
    }
    process = CrawlerProcess(settings)
    process.crawl(Pages, task=task)
    process.start()
    return Pages.ok


if __name__ == "__main__":
    main(fetch)
