"""Cooldowns: at most one firing per trigger and customer within `cooldown_ms`, on the Redis server's clock.

* One script call claims for a whole batch, in order: `now - last_fired_at >= cooldown_ms`, or no earlier firing.
* A claim remembers its event, so that a second run of the same event finds its own claim and passes.
* Redis holds nothing that can't be rebuilt. For each lane and trigger it notes how long a cooldown its claims cover;
  where that note is missing (Redis came back empty) or the cooldown was lengthened since, the script says so, and
  claims are rebuilt from firings before anything fires. The worker that rebuilds holds the lane's lock, so every
  earlier firing of the lane's customers is committed and seen. The notes count for one run of the Redis server: one
  that was restarted, or a replica that took over, may have lost the latest claims.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from redis.commands.core import Script

from kaireon.core.redis import redis_client
from triggers.models import Firing

# KEYS[1]: the lane's hash of covered cooldowns; then the key of each claim.
# ARGV: 1 to claim or 0 to look; then for each claim: trigger id, cooldown in ms, event id.
# Answers for each claim: {1, fired at} to fire, {0, last fired at} for a cooldown, {-1, 0} to rebuild claims first.
_CLAIM = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local claiming = ARGV[1] == '1'
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local is_noted = redis.call('HGET', KEYS[1], '#run') == run
if claiming and not is_noted then
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[1], '#run', run)
end
local covered = {}
local answers = {}
for i = 2, #KEYS do
    local at = 2 + (i - 2) * 3
    local trigger, cooldown, event = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
    if covered[trigger] == nil then
        covered[trigger] = is_noted and tonumber(redis.call('HGET', KEYS[1], trigger) or '-1') or -1
        if claiming and covered[trigger] > cooldown then
            redis.call('HSET', KEYS[1], trigger, ARGV[at + 1])
            covered[trigger] = cooldown
        end
    end
    if covered[trigger] < cooldown then
        answers[i - 1] = {-1, 0}
    else
        local fired_at, by
        local claim = redis.call('GET', KEYS[i])
        if claim then
            local colon = string.find(claim, ':', 1, true)
            fired_at, by = tonumber(string.sub(claim, 1, colon - 1)), string.sub(claim, colon + 1)
        end
        if fired_at and by == event then
            if claiming then
                redis.call('PEXPIRE', KEYS[i], string.format('%.0f', math.max(1, fired_at + cooldown - now)))
            end
            answers[i - 1] = {1, fired_at}
        elseif fired_at and now - fired_at < cooldown then
            answers[i - 1] = {0, fired_at}
        else
            if claiming then
                redis.call('SET', KEYS[i], string.format('%.0f', now) .. ':' .. event, 'PX', ARGV[at + 1])
            end
            answers[i - 1] = {1, now}
        end
    end
end
return answers
"""

# KEYS[1]: the lane's hash of covered cooldowns; then the key of each claim.
# ARGV: trigger id, its cooldown in ms; then for each claim: fired at (ms), event id. A later claim is left alone.
_REBUILD = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local cooldown = tonumber(ARGV[2])
for i = 2, #KEYS do
    local at = 3 + (i - 2) * 2
    local fired_at = tonumber(ARGV[at])
    local claim = redis.call('GET', KEYS[i])
    local claimed_at = claim and tonumber(string.sub(claim, 1, string.find(claim, ':', 1, true) - 1)) or -1
    local left = fired_at + cooldown - now
    if claimed_at <= fired_at and left > 0 then
        redis.call('SET', KEYS[i], ARGV[at] .. ':' .. ARGV[at + 1], 'PX', string.format('%.0f', left))
    end
end
"""
_COVER = "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])"

# Customer id, fired at, event id.
_Fired = tuple[str | None, datetime, str]
_GRANTED = 1
_UNCOVERED = -1
_REBUILD_CHUNK = 1000
# The worker's clock picks which firings are read, the Redis server's which of them still count.
_CLOCK_TOLERANCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Claim:
    """A wish to fire."""

    trigger_id: str
    cooldown_ms: int
    customer_id: str
    event_id: str


@dataclass(frozen=True, slots=True)
class Granted:
    """The trigger may fire; `fired_at` is the moment that the claim holds from."""

    fired_at: datetime


@dataclass(frozen=True, slots=True)
class CoolingDown:
    """The trigger has fired for this customer too lately."""

    until: datetime


Answer = Granted | CoolingDown


def claim(claims: Sequence[Claim], *, lane: int) -> list[Answer]:
    """Claims in order, all in one call. To be called under the lock of `lane`, with claims of its customers alone.

    Raises RedisError where Redis is away: the events wait then.
    """
    answers: dict[int, Answer] = {}
    asked = list(range(len(claims)))
    while asked:
        uncovered: dict[str, int] = {}
        for index, answer in zip(
            asked, _ask([claims[index] for index in asked], lane=lane, claiming=True), strict=True
        ):
            if answer is None:
                uncovered[claims[index].trigger_id] = claims[index].cooldown_ms
            else:
                answers[index] = answer
        for trigger_id, cooldown_ms in uncovered.items():
            _rebuild(trigger_id=trigger_id, cooldown_ms=cooldown_ms, lane=lane)
        asked = [index for index in asked if index not in answers]
    return [answers[index] for index in range(len(claims))]


def peek(wish: Claim, *, lane: int, now: datetime) -> Answer:
    """What `claim` would answer; claims nothing, and without the lane's lock rebuilds nothing."""
    answer = _ask([wish], lane=lane, claiming=False)[0]
    if answer is not None:
        return answer
    cooldown = timedelta(milliseconds=wish.cooldown_ms)
    last_fired_at = (
        Firing.objects.filter(trigger_id=wish.trigger_id, customer_id=wish.customer_id, fired_at__gt=now - cooldown)
        .order_by("-fired_at")
        .values_list("fired_at", flat=True)
        .first()
    )
    return Granted(now) if last_fired_at is None else CoolingDown(last_fired_at + cooldown)


def _ask(claims: Sequence[Claim], *, lane: int, claiming: bool) -> list[Answer | None]:
    """The script's answers; None where the claims of that trigger must be rebuilt first."""
    answers: list[Answer | None] = []
    for wish, (verdict, moment_ms) in zip(claims, _run(claims, lane=lane, claiming=claiming), strict=True):
        if verdict == _UNCOVERED:
            answers.append(None)
        elif verdict == _GRANTED:
            answers.append(Granted(_moment(moment_ms)))
        else:
            answers.append(CoolingDown(_moment(moment_ms + wish.cooldown_ms)))
    return answers


def _run(claims: Sequence[Claim], *, lane: int, claiming: bool) -> list[tuple[int, int]]:
    keys = [_covered_key(lane), *(_claim_key(wish.trigger_id, wish.customer_id) for wish in claims)]
    arguments: list[str | int] = [int(claiming)]
    for wish in claims:
        arguments += [wish.trigger_id, wish.cooldown_ms, wish.event_id]
    replies: list[tuple[int, int]] = _script(_CLAIM)(keys=keys, args=arguments)
    return replies


def _rebuild(*, trigger_id: str, cooldown_ms: int, lane: int) -> None:
    """Puts the latest firing of each customer back into Redis, then notes that this cooldown is covered."""
    since = datetime.now(tz=UTC) - timedelta(milliseconds=cooldown_ms) - _CLOCK_TOLERANCE
    latest = (
        Firing.objects.filter(trigger_id=trigger_id, lane=lane, fired_at__gte=since, customer_id__isnull=False)
        .order_by("customer_id", "-fired_at")
        .distinct("customer_id")
        .values_list("customer_id", "fired_at", "event_id")
    )
    chunk: list[_Fired] = []
    for row in latest.iterator(chunk_size=_REBUILD_CHUNK):
        chunk.append(row)
        if len(chunk) == _REBUILD_CHUNK:
            _put_back(chunk, trigger_id=trigger_id, cooldown_ms=cooldown_ms, lane=lane)
            chunk = []
    _put_back(chunk, trigger_id=trigger_id, cooldown_ms=cooldown_ms, lane=lane)
    _script(_COVER)(keys=[_covered_key(lane)], args=[trigger_id, cooldown_ms])


def _put_back(firings: Sequence[_Fired], *, trigger_id: str, cooldown_ms: int, lane: int) -> None:
    if not firings:
        return
    keys = [_covered_key(lane), *(_claim_key(trigger_id, customer_id) for customer_id, _, _ in firings)]
    arguments: list[str | int] = [trigger_id, cooldown_ms]
    for _, fired_at, event_id in firings:
        arguments += [round(fired_at.timestamp() * 1000), event_id]
    _script(_REBUILD)(keys=keys, args=arguments)


@cache
def _script(text: str) -> Script:
    return redis_client().register_script(text)


def _covered_key(lane: int) -> str:
    return f"cooldown-covered:{lane}"


def _claim_key(trigger_id: str, customer_id: str | None) -> str:
    return f"cooldown:{trigger_id}:{customer_id}"


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
