"""What all processes on all machines count, added up in Redis: `/metrics` shows it, whichever web process is asked.

A process adds up by itself and hands over once a second, in one call, and only where it has counted something. So
counting costs no round trip, nothing is left behind by a process that died (but the second it had in hand), and a
second machine changes nothing. Where Redis is away a process goes on counting and hands over later. Where Redis comes
back empty the counts begin at 0 again, which Prometheus takes for what it is. They are for alarms and graphs; what
must be exact is counted from tables.
"""

import atexit
import os
import threading
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import msgspec
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from redis import RedisError

from kaireon.core.redis import redis_client, script

HAND_OVER_SECONDS = 1.0
AGAIN_SECONDS = 5.0
"""The pause after Redis was found away."""
MAX_OPEN_VALUES = 200
"""So many values of an open label get series of their own, in all processes together; later ones are `other`."""
OTHER = "other"
LATENCY_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)

_KEY = "metrics"
# KEYS: the hash of all series. ARGV, five for each series: its field, what is added; the set of the values of its open
# label, the value, and the field to use once that set is full (or three empty texts).
_ADD = f"""
for i = 1, #ARGV, 5 do
    local field, amount, values, value, other = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
    if values ~= '' and redis.call('SISMEMBER', values, value) == 0 then
        if redis.call('SCARD', values) < {MAX_OPEN_VALUES} then
            redis.call('SADD', values, value)
        else
            field = other
        end
    end
    redis.call('HINCRBYFLOAT', KEYS[1], field, amount)
end
"""

# Name, part ("" of a counter; of a histogram the upper bound of a bucket, or "sum"), then the labels' values.
_Series = tuple[str, ...]

_known: dict[str, "Counter | Histogram"] = {}


@dataclass(frozen=True)
class Counter:
    """Something that is counted. `labels` names the values of each label; None leaves it open, for one label at most.

    Closed labels show from the first scrape on, with 0: Prometheus sees no rise in a series that begins with a 1.
    """

    name: str
    help: str
    labels: Mapping[str, Collection[str] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert list(self.labels.values()).count(None) <= 1, "one open label is bounded, not two"
        _known[self.name] = self

    def add(self, amount: int = 1, **labels: str) -> None:
        """Counts. Costs no round trip and never raises for want of Redis."""
        _buffer.add({(self.name, "", *(labels[name] for name in self.labels)): amount})

    def family(self, values: Mapping[_Series, float]) -> Metric:
        family = CounterMetricFamily(self.name, self.help, labels=list(self.labels))
        closed = [of for of in self.labels.values() if of is not None]
        zeros = dict.fromkeys(product(*closed), 0.0) if len(closed) == len(self.labels) else {}
        found = {series[2:]: value for series, value in values.items() if len(series) == 2 + len(self.labels)}
        for label_values, value in (zeros | found).items():
            family.add_metric(label_values, value)
        return family


@dataclass(frozen=True)
class Histogram:
    """How long something took, in seconds, by `buckets`."""

    name: str
    help: str
    buckets: Sequence[float] = LATENCY_SECONDS

    def __post_init__(self) -> None:
        _known[self.name] = self

    def observe(self, seconds: Iterable[float]) -> None:
        """Takes in many at once. Costs no round trip and never raises for want of Redis."""
        amounts: dict[_Series, float] = {}
        bounds = [*map(str, self.buckets), "+Inf"]
        total = 0.0
        for one in seconds:
            series = (self.name, bounds[bisect_left(self.buckets, one)])
            amounts[series] = amounts.get(series, 0) + 1
            total += one
        if amounts:
            _buffer.add(amounts | {(self.name, "sum"): total})

    def family(self, values: Mapping[_Series, float]) -> Metric:
        family = HistogramMetricFamily(self.name, self.help)
        so_far, cumulated = 0.0, []
        for bound in [*map(str, self.buckets), "+Inf"]:
            so_far += values.get((self.name, bound), 0.0)
            cumulated.append((bound, so_far))
        family.add_metric([], cumulated, values.get((self.name, "sum"), 0.0))
        return family


class _Buffer:
    """What this process has counted and not handed over yet."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forgets all: a process that was forked must not hand over what its parent has counted."""
        self._lock = threading.Lock()
        self._amounts: dict[_Series, float] = {}
        self._timer: threading.Timer | None = None

    def add(self, amounts: Mapping[_Series, float], *, hand_over_in: float = HAND_OVER_SECONDS) -> None:
        with self._lock:
            for series, amount in amounts.items():
                self._amounts[series] = self._amounts.get(series, 0) + amount
            if self._timer is None and self._amounts:
                self._timer = threading.Timer(hand_over_in, self.hand_over)
                self._timer.daemon = True
                self._timer.start()

    def hand_over(self, *, is_last: bool = False) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            amounts, self._amounts, self._timer = self._amounts, {}, None
        if not amounts:
            return
        try:
            script(_ADD)(
                keys=[_KEY], args=[part for series, amount in amounts.items() for part in _arguments(series, amount)]
            )
        except RedisError:
            if not is_last:
                self.add(amounts, hand_over_in=AGAIN_SECONDS)


_buffer = _Buffer()
os.register_at_fork(after_in_child=_buffer.begin_anew)
atexit.register(_buffer.hand_over, is_last=True)


def hand_over() -> None:
    """Hands over now, as a process does that ends."""
    _buffer.hand_over(is_last=True)


def forget() -> None:
    """Forgets what this process has not handed over: for tests, each of which begins with an empty Redis."""
    _buffer.begin_anew()


def families() -> Iterator[Metric]:
    """All that was ever counted, one call. Raises RedisError. Of a metric that this version doesn't know, nothing."""
    values: dict[str, dict[_Series, float]] = {name: {} for name in _known}
    for encoded, value in redis_client().hgetall(_KEY).items():
        series = tuple(msgspec.json.decode(encoded, type=list[str]))
        if series[0] in values:
            values[series[0]][series] = float(value)
    for name, metric in sorted(_known.items()):
        yield metric.family(values[name])


def _arguments(series: _Series, amount: float) -> tuple[bytes | str | float, ...]:
    encoded = msgspec.json.encode(series)
    metric = _known[series[0]]
    if isinstance(metric, Counter):
        for place, (label, closed) in enumerate(metric.labels.items(), start=2):
            if closed is None and series[place] != OTHER:
                other = (*series[:place], OTHER, *series[place + 1 :])
                return encoded, repr(amount), f"metrics-values:{label}", series[place], msgspec.json.encode(other)
    return encoded, repr(amount), "", "", ""
