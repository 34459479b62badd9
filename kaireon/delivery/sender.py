"""The loop that sends: claims, hands to threads, records, until nothing is due and nothing is on its way.

Threads do HTTP and SMTP alone; the database is the loop's. A receiver that takes its time holds one thread, never the
loop, and no host gets more than half of the threads; one that fails again and again gets none (see `circuits`). While
the loop's end waits for receivers that take their time, the others go on.
"""

import logging
import time
from collections import Counter
from collections.abc import Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from traceback import format_tb
from typing import NamedTuple

from django.conf import settings

from kaireon.core import clock
from kaireon.delivery.addresses import TargetRefused
from kaireon.delivery.circuits import Sign
from kaireon.delivery.claims import claim
from kaireon.delivery.http import EXCERPT_BYTES, Answer, SendFailed, send, total_seconds
from kaireon.delivery.mail import Mail, is_about_the_server, send_mail
from kaireon.delivery.messages import Message, Unsendable, build, secrets_of
from kaireon.delivery.models import Delivery
from kaireon.delivery.results import Result, record_results
from kaireon.delivery.retries import Verdict, judge, retry_after_seconds

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1
"""How soon new work is noticed while slow receivers are waited for."""
SLOW_AFTER_SECONDS = 1.0
"""A receiver that has not answered by then is one that the end has to wait for."""


def send_due(*, run_seconds: float) -> bool:
    """Sends what is due. True says that more may be due when it ends.

    After `run_seconds` nothing new is begun, but where some receivers let the end wait, for as long as one attempt may
    take: then the others get theirs until those have answered.

    Several of these may run at once, on any number of machines. Raises VaultUnusable if there is nothing to sign with.
    """
    return _Sender(slots=settings.DELIVERY_CONCURRENCY, run_seconds=run_seconds).run()


class _Sent(NamedTuple):
    host: str
    began_at: float
    """As `time.monotonic` has it."""


class _Sender:
    def __init__(self, *, slots: int, run_seconds: float) -> None:
        self._slots = slots
        self._per_host = max(1, slots // 2)
        self._stop_at = time.monotonic() + run_seconds
        self._stop_all_at = self._stop_at + total_seconds()
        self._on_their_way: dict[Future[Result], _Sent] = {}
        self._ended: list[Result] = []

    def run(self) -> bool:
        with ThreadPoolExecutor(self._slots, thread_name_prefix="delivery") as threads:
            try:
                while True:
                    is_over = time.monotonic() >= self._stop_at
                    slow = self._slow_hosts() if is_over else ()
                    is_stopping = is_over and not slow
                    found = 0 if is_stopping else self._begin(threads, without=slow)
                    if not found and not self._on_their_way:
                        return is_stopping
                    self._record_ended()
            finally:
                # Whatever ends the loop, what was sent is recorded, so that it is not sent twice.
                while self._on_their_way:
                    self._record_ended()

    def _slow_hosts(self) -> Collection[str]:
        """Those that the end has to wait for; none when it has waited for so long."""
        now = time.monotonic()
        if now >= self._stop_all_at:
            return ()
        return {sent.host for sent in self._on_their_way.values() if now - sent.began_at >= SLOW_AFTER_SECONDS}

    def _begin(self, threads: ThreadPoolExecutor, *, without: Collection[str]) -> int:
        """Fills the free slots; returns how many deliveries were due, held and cancelled ones included."""
        free = self._slots - len(self._on_their_way)
        if not free:
            return 0
        now = clock.now()
        on_their_way = Counter(sent.host for sent in self._on_their_way.values())
        busy = {**on_their_way, **dict.fromkeys(without, self._per_host)}
        claimed = claim(slots=free, per_host=self._per_host, busy=busy, now=now)
        for delivery in claimed.deliveries:
            secrets = secrets_of(delivery, claimed.secrets)
            try:
                message = build(
                    delivery, secrets=claimed.secrets, signing_secrets=claimed.signing_secrets, now=clock.now()
                )
            except Unsendable as error:
                self._ended.append(_unsent(delivery, secrets, error))
            else:
                sent = _Sent(delivery.host, time.monotonic())
                self._on_their_way[threads.submit(_attempt, delivery, message, secrets)] = sent
        return claimed.found

    def _record_ended(self) -> None:
        """Waits for the first that ends, or until it is time to look for new work; records all that have ended."""
        timeout = 0 if self._ended else POLL_SECONDS
        ended, _ = wait(self._on_their_way, timeout=timeout, return_when=FIRST_COMPLETED)
        for future in ended:
            del self._on_their_way[future]
            self._ended.append(future.result())
        results, self._ended = self._ended, []
        record_results(results, now=clock.now())


def _unsent(delivery: Delivery, secrets: dict[str, str], error: Unsendable) -> Result:
    return Result(
        delivery=delivery,
        started_at=clock.now(),
        duration_ms=0.0,
        verdict=Verdict.FINAL if error.is_final else Verdict.RETRY,
        error=str(error),
        secrets=secrets,
    )


def _attempt(delivery: Delivery, message: Message | Mail, secrets: dict[str, str]) -> Result:
    """Sends once. Runs in a thread; never raises."""
    started_at = clock.now()
    started = time.perf_counter()
    answer, verdict, error, sign = _send(delivery, message)
    return Result(
        delivery=delivery,
        started_at=started_at,
        duration_ms=round((time.perf_counter() - started) * 1000, 3),
        verdict=verdict,
        sign=sign,
        error=error,
        response_status=answer.status if answer else None,
        excerpt=answer.excerpt if answer else b"",
        is_cut=answer is not None and len(answer.excerpt) >= EXCERPT_BYTES,
        retry_after_seconds=retry_after_seconds(answer.retry_after, now=clock.now()) if answer else None,
        secrets=secrets,
    )


def _send(delivery: Delivery, message: Message | Mail) -> tuple[Answer | None, Verdict, str, Sign]:
    try:
        if isinstance(message, Mail):
            answered, verdict, error = send_mail(message)
            has_failed = bool(error) and (answered is None or is_about_the_server(answered.status))
            return answered, verdict, error, Sign.FAILED if has_failed else Sign.ANSWERED
        answer = send(method=message.method, url=message.url, headers=message.headers, body=message.body)
    except TargetRefused as refused:
        return None, Verdict.FINAL, str(refused), Sign.NOTHING
    except SendFailed as failed:
        return None, Verdict.RETRY, str(failed), Sign.FAILED
    except Exception as bug:  # noqa: BLE001  one message that trips over a bug must not end the sending of the others
        # Without the exception's text, which may quote the message and so a secret.
        logger.error(
            "Sending crashed",
            extra={
                "delivery_id": delivery.pk,
                "exception": type(bug).__qualname__,
                "frames": "".join(format_tb(bug.__traceback__)),
            },
        )
        return None, Verdict.RETRY, "Sending failed on our side; the log has the details.", Sign.NOTHING
    # A refusal, also one of too many requests, shows that somebody is there.
    return answer, *judge(answer.status), Sign.FAILED if answer.status >= 500 else Sign.ANSWERED
