"""Where the pages of triggers are, below /studio/."""

from django.urls import path

from triggers.studio.bulk import BulkTriggers
from triggers.studio.draft import DraftTrigger, SampleEvent
from triggers.studio.fields import TriggerFields
from triggers.studio.firings import FiringList, FiringPage
from triggers.studio.history import TriggerHistory
from triggers.studio.switching import DeleteTrigger, TriggerStatus
from triggers.studio.test_panel import TryTrigger
from triggers.studio.trigger_form import EditTrigger, NewTrigger
from triggers.studio.trigger_list import TriggerList
from triggers.studio.trigger_page import TriggerPage

urlpatterns = [
    path("triggers/fields", TriggerFields.as_view(), name="studio-trigger-fields"),
    path("triggers/new", NewTrigger.as_view(), name="studio-trigger-new"),
    path("triggers/new/draft", DraftTrigger.as_view(), name="studio-trigger-draft"),
    path("triggers/new/event", SampleEvent.as_view(), name="studio-trigger-event"),
    path("triggers/new/test", TryTrigger.as_view(), name="studio-trigger-test"),
    path("triggers/<str:trigger_id>/edit", EditTrigger.as_view(), name="studio-trigger-edit"),
    path("triggers", TriggerList.as_view(), name="studio-triggers"),
    # Not below triggers/, where any word can be somebody's trigger.
    path("bulk/triggers", BulkTriggers.as_view(), name="studio-triggers-bulk"),
    path("triggers/<str:trigger_id>", TriggerPage.as_view(), name="studio-trigger"),
    path("triggers/<str:trigger_id>/firings", FiringList.as_view(), name="studio-trigger-firings"),
    path("triggers/<str:trigger_id>/history", TriggerHistory.as_view(), name="studio-trigger-history"),
    path("triggers/<str:trigger_id>/status", TriggerStatus.as_view(), name="studio-trigger-status"),
    path("triggers/<str:trigger_id>/delete", DeleteTrigger.as_view(), name="studio-trigger-delete"),
    path("firings/<str:firing_id>", FiringPage.as_view(), name="studio-firing"),
]
