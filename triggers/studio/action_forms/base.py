"""What the form of every type of action provides."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.db.models import Model, Value
from django.http import QueryDict

from kaireon.studio.forms import BodyForm
from triggers.actions.registry import actions

Target = tuple[str, str, str]
"""Id, name and status of what can be chosen."""

TargetName = tuple[str, str]
"""The name of a field and the id that is chosen in it."""

Names = Mapping[TargetName, str]
"""What targets are called."""

MOST_TARGETS_LISTED = 500
"""Of journeys, flows and the like in one list to choose from."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One problem, for the summary above the form: the field's label and the id of its input."""

    label: str
    text: str
    anchor: str


class ActionForm(BodyForm):
    """The fields of one type's actionConfig. All types are on the page; the one that is not chosen has no problems.

    `icon` is a name of lucide's, `line` says in a few words what the type is good for. `template_name` draws the fields
    and `rendering_template` what `Action.preview` answers. `targets` are the fields in which one of a model's rows is
    chosen; it has an id, a name and a status.
    """

    action_type: ClassVar[str]
    icon: ClassVar[str]
    line: ClassVar[str]
    template_name: ClassVar[str]
    rendering_template: ClassVar[str]
    targets: ClassVar[Mapping[str, type[Model]]] = {}

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        is_chosen: bool = True,
        is_recipe: bool = False,
    ) -> None:
        """A recipe's targets need not exist: those that don't are left to be chosen."""
        self.is_chosen = is_chosen
        self.is_recipe = is_recipe
        self.names: dict[TargetName, str] = {}
        super().__init__(data, prefix=self.action_type, initial=self.fields_of(config) if config else None)
        self.use_required_attribute = False

    @property
    def label(self) -> str:
        """What the type is called."""
        return actions()[self.action_type].label

    @classmethod
    @abstractmethod
    def fields_of(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        """What the fields hold for a stored config; must not raise for a config that was not checked yet."""

    def offer_choices(self, found: Mapping[str, Sequence[Target]]) -> None:
        """Puts what there is to choose from into the widgets: `found` has the rows for each field of `targets`."""
        for name in self.targets:
            self.offer(name, found.get(name, ()))

    @classmethod
    @abstractmethod
    def phrase(cls, config: Mapping[str, Any], names: Names) -> str:
        """What the action will do, as it goes on behind "When …:". Takes any config, also a half-finished one.

        Of targets that are not among `names` the names are looked up.
        """

    def row_problems(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        """For each field that is a list: (id of an input, problem) for the problems that belong to one of its rows."""
        return {}

    def full_clean(self) -> None:
        """Nothing is asked of the fields of a type that is not chosen."""
        if self.is_chosen:
            super().full_clean()
        else:
            self._errors = forms.utils.ErrorDict()
            self.cleaned_data: dict[str, Any] = {}

    def field_of(self, path: str) -> str | None:
        """The field that a problem at `path` of the config belongs to."""
        return self._field_of(path)[0]

    def problems(self) -> list[FieldProblem]:
        """All problems that belong to a field; those of rows one by one."""
        of_rows = self.row_problems()
        fields = {
            name: [FieldProblem(str(self.fields[name].label), str(text), self[name].id_for_label) for text in texts]
            for name, texts in self.errors.items()
            if name in self.fields
        }
        for name, rows in of_rows.items():
            if rows:
                fields[name] = [FieldProblem(str(self.fields[name].label), text, anchor) for anchor, text in rows]
        return [problem for name in self.fields for problem in fields.get(name, ())]

    def current(self, name: str) -> Any:
        """What the field holds now: as it was typed, or as it is stored."""
        return self[name].value()

    def offer(self, name: str, targets: Iterable[Target]) -> None:
        """Puts `targets` into a list to choose from.

        An id that is not among them is kept and marked: whether it exists is for the API's rules to say.
        """
        current = str((self.current(name) if self.is_bound else self.initial.get(name)) or "")
        choices = [("", f"Choose a {str(self.fields[name].label).lower()}")]
        for target_id, called, status in targets:
            self.names[name, target_id] = called
            choices.append((target_id, called if status == "active" else f"{called} ({status})"))
        if current and (name, current) not in self.names:
            if self.is_recipe:
                self.initial[name] = ""
            else:
                choices.append((current, f"{current} (not found)"))
        widget = self.fields[name].widget
        assert isinstance(widget, forms.Select)
        widget.choices = choices


def find_targets(action_forms: Iterable[ActionForm]) -> dict[str, dict[str, list[Target]]]:
    """What there is to choose from, by type of action and field, by name: all of it in one query."""
    queries = [
        model._default_manager.order_by("name", "pk")
        .annotate(of_type=Value(form.action_type), of_field=Value(field))
        .values_list("of_type", "of_field", "pk", "name", "status")[:MOST_TARGETS_LISTED]
        for form in action_forms
        for field, model in form.targets.items()
    ]
    found: dict[str, dict[str, list[Target]]] = {}
    if queries:
        rows = queries[0].union(*queries[1:], all=True)
        for action_type, field, *target in sorted(rows, key=lambda row: (row[3], row[2])):
            found.setdefault(action_type, {}).setdefault(field, []).append((target[0], target[1], target[2]))
    return found
