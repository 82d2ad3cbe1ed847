"""The queue of a campaign: each part is judged once, and again where its run fails."""

import uuid
from datetime import UTC, datetime

import pytest

from market_opinion.core.window import HOUR, Slice, Window
from market_opinion.ops.campaign_parts import Part
from market_opinion.ops.progress import Tally
from tasks.campaign import EndedRun, Queue

pytestmark = pytest.mark.usefixtures("without_engine")
START = datetime(2026, 3, 1, tzinfo=UTC)


class Ending:
    """Workers whose runs end by the next look, as `fails` says of a part and its try."""

    def __init__(self, fails=lambda part, attempt: False):
        self.tries = []
        self.most_at_once = 0
        self._fails = fails
        self._going = {}

    def hand_out(self, part):
        self.tries.append(part.name)
        number = uuid.uuid4()
        self._going[number] = part, self.tries.count(part.name)
        self.most_at_once = max(self.most_at_once, len(self._going))
        return number

    def ended(self, ids):
        assert set(ids) == set(self._going)
        number, (part, attempt) = next(iter(self._going.items()))
        del self._going[number]
        is_good = not self._fails(part, attempt)
        return [EndedRun(number, "slow-otter", "Completed" if is_good else "Crashed", is_good)]


def parts(count):
    hours = (START + number * HOUR for number in range(count))
    return [Part(Slice("reddit", ("phones",), Window.hour(hour)), str(hour)) for hour in hours]


def test_each_part_is_handed_out_once_and_few_at_once():
    """B59: a worker that is free gets the next part, and none gets a part of another."""
    workers, asked, tally = Ending(), parts(7), Tally()
    assert Queue(asked, workers, tally, pause=0).work(at_once=3) == []
    assert workers.tries == [part.name for part in asked]
    assert workers.most_at_once == 3


def test_a_part_whose_run_fails_is_handed_out_again():
    """E03: a lost worker costs its part's time, and nothing else."""
    asked = parts(4)
    workers = Ending(lambda part, attempt: part == asked[1] and attempt < 3)
    assert Queue(asked, workers, Tally(), pause=0).work(at_once=2) == []
    assert [workers.tries.count(part.name) for part in asked] == [1, 3, 1, 1]


def test_a_part_that_fails_three_times_is_named_with_its_run():
    """All others are judged before."""
    asked = parts(4)
    workers = Ending(lambda part, _: part == asked[2])
    failed = Queue(asked, workers, Tally(), pause=0).work(at_once=2)
    assert failed == [f"{asked[2].span} (run slow-otter)"]
    assert [workers.tries.count(part.name) for part in asked] == [1, 1, 3, 1]
