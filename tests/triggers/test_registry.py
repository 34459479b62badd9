"""A type of action is one module: with it the type can be chosen, checked, fired and tried out."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rest_framework.test import APIClient

import triggers.actions
from tests.triggers.fixtures import Send, decisions
from triggers.actions import registry
from triggers.engine import pipeline
from triggers.engine.catalogue import CompiledCatalogue
from triggers.models import Firing

MODULE = '''
"""`write_note`: an action that exists in a test alone."""

from kaireon.core.rest import StrictSerializer, Text, validated
from triggers.actions.base import Action, Needs, Result
from triggers.models import Outcome


class NoteConfig(StrictSerializer):
    note = Text(max_length=20)


class WriteNote(Action[str]):
    action_type = "write_note"
    label = "Write a note"
    needs_customer = False
    config = NoteConfig

    def check(self, config):
        return validated(NoteConfig, config)

    def prepare(self, config):
        return config["note"]

    def needs(self, prepared):
        return Needs()

    def execute(self, works, scope):
        return [Result(Outcome.SUCCEEDED, {"note": work.prepared}) for work in works]

    def preview(self, work, scope):
        return {"note": work.prepared}
'''


@pytest.fixture
def extra_action(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One more module among the actions, for as long as the test lasts."""
    (tmp_path / "write_note.py").write_text(MODULE)
    monkeypatch.setattr(triggers.actions, "__path__", [*triggers.actions.__path__, str(tmp_path)])
    monkeypatch.setattr(pipeline, "catalogue", CompiledCatalogue())
    registry.actions.cache_clear()
    yield
    sys.modules.pop("triggers.actions.write_note")
    vars(triggers.actions).pop("write_note")
    monkeypatch.undo()
    registry.actions.cache_clear()


def test_the_types_of_this_version() -> None:
    assert list(registry.actions()) == ["enroll_journey", "fire_recommend", "update_attribute", "webhook"]


def test_a_new_module_is_a_new_type(
    extra_action: None, editor_api: APIClient, send: Send, schema: object, make_trigger: Callable[..., object]
) -> None:
    body = {"name": "Note", "eventType": "purchase", "actionType": "write_note", "actionConfig": {"note": "hello"}}
    bad = editor_api.post("/api/v1/triggers", {**body, "actionConfig": {"note": "x" * 21}}, format="json")
    assert [detail["field"] for detail in bad.json()["error"]["details"]] == ["actionConfig.note"]
    created = editor_api.post("/api/v1/triggers", body, format="json")
    assert created.status_code == 201
    assert decisions(send(customer_id=None)) == {"trg_note": "fired"}
    assert Firing.objects.get().detail == {"note": "hello"}
    tried = editor_api.post("/api/v1/triggers/trg_note/test", {"eventPayload": {}}, format="json").json()
    assert tried["action"] == {"type": "write_note", "note": "hello"}
