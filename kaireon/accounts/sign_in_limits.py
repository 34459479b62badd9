"""How often somebody may try to sign in, counted in Redis before the password is looked at.

Three counts, each of failures within a time that begins with the first of them and is not prolonged by later ones:

* for one login from one address: who guesses one person's password;
* for all logins from one address: who tries a common password on everybody;
* for one login from all addresses that it was never signed in to from: who guesses from many machines. An address from
  which that person has signed in of late is not held back by this count, so that nobody can lock somebody out who sits
  where they always sit, however many machines they have.

Where Redis is away nobody is held back: the people who mend it must get in.
"""

import hashlib
import logging
from dataclasses import dataclass

from django.dispatch import Signal
from redis import RedisError

from kaireon.core.redis import redis_client

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `failures` within `seconds`."""

    failures: int
    seconds: int


OF_LOGIN_FROM_ADDRESS = Limit(failures=5, seconds=15 * 60)
OF_ADDRESS = Limit(failures=50, seconds=15 * 60)
OF_LOGIN = Limit(failures=50, seconds=3600)
KNOWN_ADDRESS_SECONDS = 30 * 24 * 3600
"""How long an address is known as one from which somebody signs in."""

# Sent when a limit is reached, once for each time: `login` as it was typed, `address`, `wait_seconds`. The audit log,
# which stands above this package, listens.
sign_in_limited = Signal()

# All at once, so that a thousand attempts at the same moment are counted one by one. Each key is counted up, and
# expires as long after its first count as its limit says. Answers the counts and the seconds that are left of each.
_COUNT = """
local answer = {}
for number, key in ipairs(KEYS) do
  local count = redis.call('INCR', key)
  if count == 1 then redis.call('EXPIRE', key, ARGV[number]) end
  answer[#answer + 1] = count
  answer[#answer + 1] = redis.call('TTL', key)
end
return answer
"""


def begin_attempt(*, login: str, address: str) -> int:
    """Counts an attempt as failed until `succeeded` is called. Returns the seconds to wait; 0: it may go on."""
    who = _digest(login)
    limits = {
        f"signin:pair:{who}:{address}": OF_LOGIN_FROM_ADDRESS,
        f"signin:address:{address}": OF_ADDRESS,
        f"signin:login:{who}": OF_LOGIN,
    }
    try:
        redis = redis_client()
        if redis.exists(f"signin:known:{who}:{address}"):
            del limits[f"signin:login:{who}"]
        seconds = [limit.seconds for limit in limits.values()]
        answer = redis.eval(_COUNT, len(limits), *limits, *map(str, seconds))
    except RedisError:
        logger.warning("Attempts to sign in are not counted: Redis is away")
        return 0
    counts, left = answer[::2], answer[1::2]
    over = [count - limit.failures for count, limit in zip(counts, limits.values(), strict=True)]
    wait_seconds = max((max(1, left[place]) for place, excess in enumerate(over) if excess > 0), default=0)
    if wait_seconds and 1 in over:
        logger.warning("Too many attempts to sign in", extra={"address": address})
        sign_in_limited.send(sender=None, login=login, address=address, wait_seconds=wait_seconds)
    return int(wait_seconds)


def succeeded(*, login: str, address: str) -> None:
    """Forgets this person's failures from here, takes the attempt back, and knows the address from now on."""
    who = _digest(login)
    try:
        with redis_client().pipeline(transaction=True) as pipeline:
            pipeline.delete(f"signin:pair:{who}:{address}")
            for key in (f"signin:address:{address}", f"signin:login:{who}"):
                # Not below nothing, and not into a key that never expires.
                pipeline.eval(_TAKE_BACK, 1, key)
            pipeline.set(f"signin:known:{who}:{address}", 1, ex=KNOWN_ADDRESS_SECONDS)
            pipeline.execute()
    except RedisError:
        logger.warning("A sign-in is not taken off the count: Redis is away")


_TAKE_BACK = """
if tonumber(redis.call('GET', KEYS[1]) or 0) > 0 then redis.call('DECR', KEYS[1]) end
"""


def _digest(login: str) -> str:
    """People type passwords into the wrong field: what was typed is kept nowhere."""
    return hashlib.sha256(login.encode(errors="replace")).hexdigest()[:32]
