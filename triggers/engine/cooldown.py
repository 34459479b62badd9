"""Cooldowns: at most one firing per trigger and customer within `cooldown_ms`, on the Redis server's clock.

* One script call claims for a whole batch, in order: `now - last_fired_at >= cooldown_ms`, or no earlier firing.
* A claim remembers its event, so that a second run of the same event finds its own claim and passes.
* Redis holds nothing that can't be rebuilt. For each lane and trigger it notes for which cooldown its claims are
  complete; where that note is missing (Redis came back empty) or names another cooldown, the script says so, and claims
  are rebuilt from firings before anything fires. The worker that rebuilds holds the lane's lock, so every earlier
  firing of the lane's customers is committed and seen. The notes count for one run of the Redis server: one that was
  restarted, or a replica that took over, may have lost the latest claims.
* A claim is small, since there may be millions. Its key is a digest of trigger, cooldown and customer. Its value is a
  number, which Redis keeps in 8 bytes: a digest of the event, then the last four digits of the moment in ms. The key
  expires about a cooldown after that moment, which tells the other digits.
* Digests may agree by chance. Two claims share a key with a probability of 2^-96. An event that a cooldown holds back
  passes for the one that fired with a probability of 1 in 9 * 10^14, and fires then.
"""

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b

from msgspec import Struct

from kaireon.core.redis import redis_client, script
from kaireon.events.models import LANE_COUNT
from triggers.models import Firing

# A key expires late by as long as its script ran, and PTTL looks at the clock later than TIME: both are far below the
# 5 s by which the expiry may be wrong here in either direction.
_MOMENTS = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function moment_of(claim, key, cooldown)
    local earliest = now + redis.call('PTTL', key) - cooldown - 5000
    return earliest + (string.sub(claim, -4) - earliest) % 10000
end
local function set(key, event, fired_at, lives)
    local claim = string.format('%.0f%04.0f', event, fired_at % 10000)
    redis.call('SET', key, claim, 'PX', string.format('%.0f', lives))
end
"""

# KEYS[1]: the lane's notes; then the key of each claim.
# ARGV: 1 to claim or 0 to look; _WISH of each claim, one after the other; then id and cooldown in ms of each trigger.
# Answers with _ANSWER of each claim: 1 and fired at to fire, 0 and last fired at for a cooldown, -1 and 0 to rebuild
# claims first.
_CLAIM = f"""{_MOMENTS}
local claiming = ARGV[1] == '1'
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local is_noted = redis.call('HGET', KEYS[1], '#run') == run
if claiming and not is_noted then
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[1], '#run', run)
end
local cooldowns = {{}}
local is_complete = {{}}
for at = 3, #ARGV, 2 do
    table.insert(cooldowns, tonumber(ARGV[at + 1]))
    table.insert(is_complete, is_noted and redis.call('HGET', KEYS[1], ARGV[at]) == ARGV[at + 1])
end
local answers = {{}}
local at = 1
for i = 2, #KEYS do
    local trigger, event
    trigger, event, at = struct.unpack('>I4I8', ARGV[2], at)
    local cooldown = cooldowns[trigger]
    local verdict, moment = 1, now
    if not is_complete[trigger] then
        verdict, moment = -1, 0
    else
        local claim = redis.call('GET', KEYS[i])
        local fired_at = claim and moment_of(claim, KEYS[i], cooldown)
        if claim and tonumber(string.sub(claim, 1, -5)) == event then
            moment = fired_at
        elseif claim and now - fired_at < cooldown then
            verdict, moment = 0, fired_at
        elseif claiming then
            set(KEYS[i], event, now, cooldown)
        end
    end
    table.insert(answers, struct.pack('>i1I8', verdict, moment))
end
return table.concat(answers)
"""
_WISH = struct.Struct(">IQ")
"""Which of the triggers, counted from 1, and the event's digest."""
_ANSWER = struct.Struct(">bQ")

# KEYS: of each claim.
# ARGV: the cooldown in ms; then for each claim: fired at (ms), the event's digest. A later claim is left alone.
_REBUILD = f"""{_MOMENTS}
local cooldown = tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
    local fired_at = tonumber(ARGV[i * 2])
    local claim = redis.call('GET', key)
    local lives = fired_at + cooldown - now
    if lives > 0 and not (claim and moment_of(claim, key, cooldown) > fired_at) then
        set(key, ARGV[i * 2 + 1], fired_at, lives)
    end
end
"""
_NOTE = "redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])"
_EVENT_DIGESTS = 9 * 10**14
"""So many there are: with four digits behind them they stay below 2^63, from which on Redis keeps no numbers."""

# Customer id, fired at, event id.
_Fired = tuple[str, datetime, str]
_GRANTED = 1
_INCOMPLETE = -1
_REBUILD_CHUNK = 1000
# The worker's clock picks which firings are read, the Redis server's which of them still count.
_CLOCK_TOLERANCE = timedelta(minutes=10)


class Claim(Struct, frozen=True):
    """A wish to fire."""

    trigger_id: str
    cooldown_ms: int
    customer_id: str
    event_id: str


class Granted(Struct, frozen=True):
    """The trigger may fire; `fired_at` is the moment that the claim holds from."""

    fired_at: datetime


class CoolingDown(Struct, frozen=True):
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
        incomplete: dict[str, int] = {}
        for index, answer in zip(
            asked, _ask([claims[index] for index in asked], lane=lane, claiming=True), strict=True
        ):
            if answer is None:
                incomplete[claims[index].trigger_id] = claims[index].cooldown_ms
            else:
                answers[index] = answer
        for trigger_id, cooldown_ms in incomplete.items():
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


def forget(trigger_id: str) -> None:
    """Claims of the trigger will be rebuilt. To be called in the transaction that gives it a cooldown again.

    Without one it claimed nothing, so what was noted before no longer holds. Raises RedisError.
    """
    with redis_client().pipeline(transaction=False) as pipeline:
        for lane in range(LANE_COUNT):
            pipeline.hdel(notes_key(lane), trigger_id)
        pipeline.execute()


def _ask(claims: Sequence[Claim], *, lane: int, claiming: bool) -> list[Answer | None]:
    """The script's answers; None where the claims of that trigger must be rebuilt first."""
    answers: list[Answer | None] = []
    for wish, (verdict, moment_ms) in zip(claims, _run(claims, lane=lane, claiming=claiming), strict=True):
        if verdict == _INCOMPLETE:
            answers.append(None)
        elif verdict == _GRANTED:
            answers.append(Granted(_moment(moment_ms)))
        else:
            answers.append(CoolingDown(_moment(moment_ms + wish.cooldown_ms)))
    return answers


def _run(claims: Sequence[Claim], *, lane: int, claiming: bool) -> Iterable[tuple[int, int]]:
    numbers: dict[tuple[str, int], int] = {}
    keys: list[str | bytes] = [notes_key(lane)]
    wishes = []
    for wish in claims:
        number = numbers.setdefault((wish.trigger_id, wish.cooldown_ms), len(numbers) + 1)
        keys.append(claim_key(trigger_id=wish.trigger_id, cooldown_ms=wish.cooldown_ms, customer_id=wish.customer_id))
        wishes.append(_WISH.pack(number, _event_digest(wish.event_id)))
    triggers = [str(part) for id_and_cooldown in numbers for part in id_and_cooldown]
    reply: bytes = script(_CLAIM)(keys=keys, args=[int(claiming), b"".join(wishes), *triggers])
    return _ANSWER.iter_unpack(reply)


def _rebuild(*, trigger_id: str, cooldown_ms: int, lane: int) -> None:
    """Puts the latest firing of each customer back into Redis, then notes that claims of this cooldown are complete."""
    since = datetime.now(tz=UTC) - timedelta(milliseconds=cooldown_ms) - _CLOCK_TOLERANCE
    latest = (
        Firing.objects.filter(trigger_id=trigger_id, lane=lane, fired_at__gte=since, customer_id__isnull=False)
        .order_by("customer_id", "-fired_at")
        .distinct("customer_id")
        .values_list("customer_id", "fired_at", "event_id")
    )
    chunk: list[_Fired] = []
    for customer_id, fired_at, event_id in latest.iterator(chunk_size=_REBUILD_CHUNK):
        assert customer_id is not None
        chunk.append((customer_id, fired_at, event_id))
        if len(chunk) == _REBUILD_CHUNK:
            _put_back(chunk, trigger_id=trigger_id, cooldown_ms=cooldown_ms)
            chunk = []
    _put_back(chunk, trigger_id=trigger_id, cooldown_ms=cooldown_ms)
    script(_NOTE)(keys=[notes_key(lane)], args=[trigger_id, cooldown_ms])


def _put_back(firings: Sequence[_Fired], *, trigger_id: str, cooldown_ms: int) -> None:
    if not firings:
        return
    keys = []
    arguments = [cooldown_ms]
    for customer_id, fired_at, event_id in firings:
        keys.append(claim_key(trigger_id=trigger_id, cooldown_ms=cooldown_ms, customer_id=customer_id))
        arguments += [round(fired_at.timestamp() * 1000), _event_digest(event_id)]
    script(_REBUILD)(keys=keys, args=arguments)


def notes_key(lane: int) -> str:
    """Of the hash that notes for each trigger for which cooldown the lane's claims are complete.

    Whoever stores claims in another way than before gives it another name: then they are rebuilt.
    """
    return f"cooldown-notes:{lane}"


def claim_key(*, trigger_id: str, cooldown_ms: int, customer_id: str) -> bytes:
    """14 bytes, which fill with what Redis adds the 16 that it gets for them."""
    return b"c:" + blake2b(f"{trigger_id}\0{cooldown_ms}\0{customer_id}".encode(), digest_size=12).digest()


def _event_digest(event_id: str) -> int:
    return int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest(), "big") % _EVENT_DIGESTS


# All that one call lets fire, it lets fire at the same moment.
@lru_cache(maxsize=64)
def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
