"""Writing what is known of a customer: a new record, changing one, deleting one."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from kaireon.accounts.roles import Ability
from kaireon.core import clock
from kaireon.core.errors import ValidationFailed
from kaireon.core.ids import CUSTOMER_ID_MAX_LENGTH
from kaireon.core.rest import validated
from kaireon.customers.api.serializers import RecordBody
from kaireon.customers.models import Schema
from kaireon.customers.records import delete_record, find_record, upsert_record
from kaireon.customers.schemas import find_schema
from kaireon.customers.studio.segments import schema_choices
from kaireon.studio.forms import BodyForm, FormPage, JSONText
from kaireon.studio.pages import ConfirmPage, Crumb, Question

SECTION = "Customers"


class RecordForm(BodyForm):
    """Whose record it is, and all that it says: what is left out of the attributes is gone."""

    schema_id = forms.ChoiceField(choices=schema_choices, label="Schema")
    customer_id = forms.CharField(max_length=CUSTOMER_ID_MAX_LENGTH, strip=False, label="Customer id")
    attributes = JSONText(empty={}, widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false"}))

    def body(self) -> dict[str, Any]:
        return {"customerId": self.cleaned_data["customer_id"], "attributes": self.cleaned_data["attributes"]}


class _RecordForm(FormPage):
    """What the two forms share."""

    section = SECTION
    template_name = "studio/records/form.html"
    form_class = RecordForm
    abilities: ClassVar[Mapping[str, Ability]] = {"GET": Ability.WRITE}

    def crumbs(self) -> Sequence[Crumb]:
        return [Crumb("Customers", reverse("studio-customers"))]

    def write(self, form: BodyForm, *, schema_id: str) -> HttpResponse:
        """Puts the record in the place of what was there."""
        values = validated(RecordBody, form.body())
        customer_id = values["customer_id"]
        upsert_record(
            schema_id=schema_id,
            customer_id=customer_id,
            attributes=values["attributes"],
            merge=False,
            now=clock.now(),
        )
        return self.done(f"{customer_id} was saved.", reverse("studio-customer", args=[customer_id]))


class NewRecord(_RecordForm):
    """A customer of whom nothing is known yet; `?customer=` and `?schema=` begin with what was asked from."""

    title = "New customer"

    def initial(self) -> Mapping[str, Any]:
        asked = self.request.GET
        return {"schema_id": asked.get("schema", ""), "customer_id": asked.get("customer", ""), "attributes": {}}

    def more(self, form: BodyForm) -> Mapping[str, Any]:
        schemas = Schema.objects.order_by("-is_default", "id")[:20]
        return {"schemas": schemas, "cancel_url": reverse("studio-customers")}

    def save(self, form: BodyForm) -> HttpResponse:
        schema_id, customer_id = form.cleaned_data["schema_id"], form.cleaned_data["customer_id"]
        if Schema.objects.filter(pk=schema_id, records__customer_id=customer_id).exists():
            raise ValidationFailed.at("customerId", "has a record in this schema already; change that one.")
        return self.write(form, schema_id=schema_id)


class EditRecord(_RecordForm):
    """All of a record at once."""

    def page_title(self) -> str:
        return f"Edit {self.kwargs['customer_id']}"

    def crumb_title(self) -> str:
        return "Edit"

    def crumbs(self) -> Sequence[Crumb]:
        customer_id = self.kwargs["customer_id"]
        return [*super().crumbs(), Crumb(customer_id, reverse("studio-customer", args=[customer_id]))]

    def initial(self) -> Mapping[str, Any]:
        record = find_record(schema_id=self.kwargs["schema_id"], customer_id=self.kwargs["customer_id"])
        return {
            "schema_id": record.schema_id,
            "customer_id": record.customer_id,
            "attributes": record.attributes,
        }

    def more(self, form: BodyForm) -> Mapping[str, Any]:
        schema = find_schema(self.kwargs["schema_id"])
        return {
            "row": True,
            "schemas": [schema],
            "cancel_url": reverse("studio-customer", args=[self.kwargs["customer_id"]]),
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        find_record(schema_id=kwargs["schema_id"], customer_id=kwargs["customer_id"])
        return super().post(request, *args, **kwargs)

    def save(self, form: BodyForm) -> HttpResponse:
        if form.cleaned_data["customer_id"] != self.kwargs["customer_id"]:
            raise ValidationFailed.at("customerId", "can't be changed; make a new customer instead.")
        return self.write(form, schema_id=self.kwargs["schema_id"])


class DeleteRecord(ConfirmPage):
    """Asks, and deletes."""

    section = SECTION
    abilities: ClassVar[Mapping[str, Ability]] = {"GET": Ability.DELETE, "POST": Ability.DELETE}

    def question(self) -> Question:
        record = find_record(schema_id=self.kwargs["schema_id"], customer_id=self.kwargs["customer_id"])
        return Question(
            title=f"Delete the record of {record.customer_id}?",
            text="Its attributes go, and the customer leaves the segments that they were the reason for. Events,"
            " firings and the audit log stay.",
            button="Delete record",
            back_url=reverse("studio-customer", args=[record.customer_id]),
            is_destructive=True,
        )

    def act(self) -> HttpResponse:
        delete_record(schema_id=self.kwargs["schema_id"], customer_id=self.kwargs["customer_id"], now=clock.now())
        return self.done(
            f"The record of {self.kwargs['customer_id']} was deleted.",
            reverse("studio-customer", args=[self.kwargs["customer_id"]]),
        )
