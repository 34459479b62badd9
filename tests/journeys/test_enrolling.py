"""Deduplication, and many who enrol the same customer at the same moment."""

from collections import Counter
from functools import partial

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from kaireon.core import clock
from kaireon.customers.working_set import WorkingSet
from kaireon.events.models import Event
from kaireon.journeys import enrolling
from kaireon.journeys.enrolling import AlreadyActive, Answer, Deduplication, Enrolled, Refused, Request
from kaireon.journeys.lifecycle import update_journey
from kaireon.journeys.models import Enrolment, Journey
from tests.customers.together import in_background, run_together, until_one_waits_for_a_lock
from tests.journeys.building import change, enrol, line, make_journey, node, one_wait

THREADS = 16


def enrol_ada(journey_id: str, deduplication: Deduplication) -> Answer:
    """In a transaction of its own, as a worker or a request does it."""
    now = clock.now()
    request = Request(journey_id=journey_id, customer_id="ada", deduplication=deduplication)
    with transaction.atomic():
        (answer,) = enrolling.enrol([request], records=WorkingSet(now=now), now=now)
    return answer


def kinds(answers: list[Answer]) -> Counter[str]:
    return Counter(type(answer).__name__ for answer in answers)


def states(journey: Journey) -> Counter[tuple[str, str]]:
    return Counter(Enrolment.objects.filter(journey_id=journey.pk).values_list("status", "reason"))


@pytest.mark.django_db(transaction=True)
def test_control_without_the_constraint_many_who_look_first_all_enrol() -> None:
    """If this fails, the next test proves nothing."""
    journey = make_journey(one_wait())
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX enrolment_one_active")
        statement = enrolling._INSERT.split("ON CONFLICT")[0] + "RETURNING id"
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(enrolling, "_INSERT", statement)
            run_together([partial(enrol_ada, journey.pk, Deduplication.SKIP_IF_ACTIVE)] * THREADS)
        assert Enrolment.objects.filter(status="active").count() > 1
    finally:
        Enrolment.objects.all().delete()
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE UNIQUE INDEX enrolment_one_active ON journeys_enrolment (journey_id, customer_id)"
                " WHERE is_single AND status = 'active'"
            )


@pytest.mark.django_db(transaction=True)
def test_sixteen_enrol_one_customer_and_one_wins() -> None:
    journey = make_journey(one_wait())
    for _ in range(5):
        answers = run_together([partial(enrol_ada, journey.pk, Deduplication.SKIP_IF_ACTIVE)] * THREADS)
        assert kinds(answers) == {"Enrolled": 1, "AlreadyActive": THREADS - 1}
        assert Enrolment.objects.filter(status="active").count() == 1
        Enrolment.objects.update(status="exited", resume_at=None)


@pytest.mark.django_db(transaction=True)
def test_sixteen_restart_one_customer_each_ends_the_one_before_and_one_stays() -> None:
    journey = make_journey(one_wait())
    answers = run_together([partial(enrol_ada, journey.pk, Deduplication.RESTART)] * THREADS)
    assert kinds(answers) == {"Enrolled": THREADS}
    assert states(journey) == {("active", ""): 1, ("exited", "restarted"): THREADS - 1}


@pytest.mark.django_db(transaction=True)
def test_sixteen_with_allow_multiple_are_sixteen() -> None:
    journey = make_journey(one_wait())
    answers = run_together([partial(enrol_ada, journey.pk, Deduplication.ALLOW_MULTIPLE)] * THREADS)
    assert kinds(answers) == {"Enrolled": THREADS}
    assert states(journey) == {("active", ""): THREADS}


@pytest.mark.django_db(transaction=True)
def test_whoever_enrols_while_a_journey_is_being_paused_comes_before_or_is_refused() -> None:
    journey = make_journey(one_wait())
    with transaction.atomic():
        assert kinds([enrol_ada(journey.pk, Deduplication.SKIP_IF_ACTIVE)]) == {"Enrolled": 1}
        pausing = in_background(
            partial(update_journey, journey_id=journey.pk, values={"status": "paused"}, now=clock.now())
        )
        until_one_waits_for_a_lock()
        assert Journey.objects.get().status == "active"
    assert pausing.result(20).status == "paused"
    refused = enrol_ada(journey.pk, Deduplication.RESTART)
    assert refused == Refused(f"journey {journey.pk} is paused")


@pytest.mark.django_db
def test_restart_ends_all_that_are_active_and_skip_sees_all_of_them() -> None:
    journey = make_journey(one_wait())
    multiple, skip, restart = Deduplication.ALLOW_MULTIPLE, Deduplication.SKIP_IF_ACTIVE, Deduplication.RESTART
    assert isinstance(enrol_ada(journey.pk, multiple), Enrolled)
    assert isinstance(enrol_ada(journey.pk, multiple), Enrolled)
    assert enrol_ada(journey.pk, skip) == AlreadyActive()
    assert isinstance(enrol_ada(journey.pk, restart), Enrolled)
    assert states(journey) == {("active", ""): 1, ("exited", "restarted"): 2}
    assert enrol_ada(journey.pk, skip) == AlreadyActive()
    assert isinstance(enrol_ada(journey.pk, multiple), Enrolled)
    assert states(journey) == {("active", ""): 2, ("exited", "restarted"): 2}
    assert Event.objects.filter(event_type="journey.completed").count() == 0


@pytest.mark.django_db
def test_requests_of_one_batch_are_answered_in_their_order() -> None:
    waiting, short = (
        make_journey(one_wait()),
        make_journey(line(node("s", "entry_trigger"), node("e", "exit")), name="Short"),
    )
    paused = change(make_journey(one_wait(), name="Paused"), status="paused")
    skip, restart = Deduplication.SKIP_IF_ACTIVE, Deduplication.RESTART
    wanted = [
        (waiting.pk, "ada", skip),
        (waiting.pk, "ada", skip),
        (paused.pk, "ada", skip),
        (waiting.pk, "ada", restart),
        (waiting.pk, "bob", restart),
        ("jrn_gone", "ada", skip),
        (short.pk, "ada", skip),
        (short.pk, "ada", skip),
    ]
    requests = [Request(journey_id=one, customer_id=two, deduplication=three) for one, two, three in wanted]
    now = clock.now()
    answers = enrolling.enrol(requests, records=WorkingSet(now=now), now=now)
    assert [type(answer).__name__ for answer in answers] == [
        "Enrolled",
        "AlreadyActive",
        "Refused",
        "Enrolled",
        "Enrolled",
        "Refused",
        "Enrolled",
        "Enrolled",
    ]
    assert answers[2] == Refused("journey jrn_paused is paused")
    assert answers[5] == Refused("journey jrn_gone is gone")
    assert states(short) == {("completed", "completed"): 2}
    assert states(waiting) == {("active", ""): 2, ("exited", "restarted"): 1}


@pytest.mark.django_db
def test_a_batch_needs_the_same_queries_whatever_its_size() -> None:
    journey = make_journey(one_wait())
    enrol(journey, "first", now=clock.now())  # compiles the journey
    counts = []
    for size in (1, 400):
        ids = [f"c{size}-{number}" for number in range(size)]
        with CaptureQueriesContext(connection) as captured:
            enrol(journey, *ids, now=clock.now())
        counts.append(len(captured))
    assert counts[0] == counts[1]
