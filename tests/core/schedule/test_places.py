"""Where the queue of a key stands: the table and the function say the same, for every queue that there can be."""

from __future__ import annotations

from itertools import product

import pytest

from penstock.core.schedule.queues import NO_PREREQUISITES, PLACES, Abandoned, KeyQueue, QueuePlace, find_place

NOW, PER_KEY = 5.0, 2


def rows_for(*conditions: bool) -> list[QueuePlace]:
    """The places of all rows of the table that fit."""
    return [
        row[-1] for row in PLACES if all(said in (None, holds) for said, holds in zip(row, conditions, strict=False))
    ]


@pytest.mark.parametrize("conditions", list(product([True, False], repeat=7)))
def test_the_table_has_one_row_for_every_queue(conditions):
    assert len(rows_for(*conditions)) == 1


def every_queue():
    """One queue for each combination of what can hold for it, with the conditions of the table."""
    for first, jobs, gated, running, backing_off in product([0, 1], [0, 1], [True, False], [0, 1, 2, 3], [0, 1]):
        for free_at, spilled, abandoned in product([0.0, NOW, NOW + 1], [0, 3], [None, 0, 2]):
            queue = KeyQueue("a")
            for number in range(first):
                queue.put_first(number)
            queue.jobs.extend(range(jobs))
            queue.gated, queue.running, queue.backing_off = gated, running, backing_off
            queue.free_at, queue.spilled = free_at, spilled
            if abandoned is not None:
                queue.abandoned = Abandoned(lambda job: job, 0.0, abandoned)
            busy = running > 0 or backing_off > 0
            yield (
                queue,
                (queue.startable, running >= PER_KEY, free_at > NOW, gated, spilled > 0, bool(abandoned), busy),
            )


def test_the_function_is_the_table():
    found = set()
    for queue, conditions in every_queue():
        place = find_place(queue, PER_KEY, NOW)
        assert [place] == rows_for(*conditions)
        found.add(place)
    assert found == {*QueuePlace} - {QueuePlace.REFILLING}
    assert not NO_PREREQUISITES, "all queues share it"


def test_every_place_is_in_the_table_but_the_one_between_a_question_and_its_answer():
    assert {row[-1] for row in PLACES} == {*QueuePlace} - {QueuePlace.REFILLING}


def test_the_frontier_comes_back_by_itself_to_the_places_that_it_lists():
    assert {place for place in QueuePlace if place.listed} == {QueuePlace.READY, QueuePlace.DELAYED, QueuePlace.EMPTY}
