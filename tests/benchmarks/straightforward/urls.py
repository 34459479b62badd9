"""Accepting an event, and many: stored alone, or with a task for each."""

from django.urls import path

from tests.benchmarks.straightforward.api import ManyEvents, OneEvent
from tests.benchmarks.straightforward.tasks import minimal, same_work

urlpatterns = [
    path("one", OneEvent.as_view()),
    path("many", ManyEvents.as_view()),
    path("one/minimal", OneEvent.as_view(task=minimal)),
    path("one/same_work", OneEvent.as_view(task=same_work)),
    path("many/minimal", ManyEvents.as_view(task=minimal)),
]
