"""Cooperator on Twisted: the eighth example as it was written in 2008, with its imports changed."""

import sys

from twisted.internet import defer, reactor

from penstock import twisted as client  # was: from twisted.web import client
from penstock import twisted as task  # was: from twisted.internet import task

maxRun = 50


def pageCallback(body, url):
    print(url, len(body))


def errback(failure, url):
    print(url, failure.getErrorMessage())


def doWork(urls):
    for url in urls:
        yield client.getPage(url).addCallback(pageCallback, url).addErrback(errback, url)


def finish(_):
    reactor.stop()


def main(urls):
    coop = task.Cooperator()
    work = doWork(urls)
    workers = [coop.coiterate(work) for _ in range(maxRun)]
    defer.DeferredList(workers).addCallback(finish)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:] or map(str.strip, sys.stdin))
