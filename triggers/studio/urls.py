"""Where the pages of triggers are, below /studio/."""

from django.urls import path

from triggers.studio.trigger_list import TriggerList

urlpatterns = [
    path("triggers", TriggerList.as_view(), name="studio-triggers"),
]
