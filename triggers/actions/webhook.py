"""`webhook`: sends an HTTP request with event data, by way of kaireon.delivery."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kaireon.core.errors import Detail, ValidationFailed, join_path
from kaireon.core.json_values import encode
from kaireon.core.rest import Choice, JSONObjectField, JSONValueField, StrictSerializer, Text, validated
from kaireon.core.templating import RenderError, SecretMarkers, Template, TemplateError, parse
from kaireon.delivery.addresses import TargetRefused, check_url
from kaireon.delivery.headers import check_headers
from kaireon.delivery.outbox import NewDelivery, enqueue
from triggers.actions.base import SOURCE, TEMPLATE_ROOTS, Action, ActionFailed, Needs, Result, Scope, Work
from triggers.models import Outcome

_ROOTS = TEMPLATE_ROOTS | {"secret"}
_DEFAULT_BODY = {
    "firingId": "{{firing.id}}",
    "triggerId": "{{trigger.id}}",
    "eventId": "{{event.eventId}}",
    "eventType": "{{event.type}}",
    "customerId": "{{event.customerId}}",
    "timestamp": "{{event.timestamp}}",
}


class WebhookConfig(StrictSerializer):
    """actionConfig of a webhook. Headers and bodyTemplate are Liquid."""

    url = Text(max_length=2000)
    method = Choice(["POST", "PUT", "PATCH"], default="POST")
    headers = JSONObjectField(default=dict, max_depth=1)
    bodyTemplate = JSONValueField(default=_DEFAULT_BODY, required=False)


@dataclass(frozen=True, slots=True)
class PreparedWebhook:
    """A webhook with its templates parsed."""

    url: str
    method: str
    headers: Template
    body: Template


class Webhook(Action[PreparedWebhook]):
    """At-least-once, with a stable id by which receivers can tell a repetition (`webhook-id` = the firing's id)."""

    action_type = "webhook"
    label = "Call a webhook"
    needs_customer = False
    config = WebhookConfig

    def check(self, config: Mapping[str, Any]) -> dict[str, Any]:
        values = validated(WebhookConfig, config)
        problems = _problems(values)
        if problems:
            raise ValidationFailed.of(problems)
        return values

    def prepare(self, config: Mapping[str, Any]) -> PreparedWebhook:
        return PreparedWebhook(
            url=config["url"],
            method=config["method"],
            headers=parse(config["headers"], roots=_ROOTS),
            body=parse(config["bodyTemplate"], roots=_ROOTS),
        )

    def needs(self, prepared: PreparedWebhook) -> Needs:
        return Needs(reads_customer=prepared.headers.reads("customer") or prepared.body.reads("customer"))

    def execute(self, works: Sequence[Work[PreparedWebhook]], scope: Scope) -> list[Result]:
        results: list[Result] = []
        messages: list[NewDelivery] = []
        for work in works:
            try:
                messages.append(_message(work, scope, SecretMarkers.new()))
            except ActionFailed as error:
                results.append(Result.failed(str(error)))
            else:
                results.append(Result(Outcome.QUEUED))
        delivery_ids = iter(enqueue(messages))
        return [
            Result(Outcome.QUEUED, {"deliveryId": next(delivery_ids)}) if result.outcome is Outcome.QUEUED else result
            for result in results
        ]

    def preview(self, work: Work[PreparedWebhook], scope: Scope) -> Mapping[str, Any]:
        markers = SecretMarkers.new()
        message = _message(work, scope, markers)
        return {
            "method": message.method,
            "url": message.url,
            "headers": markers.mask(message.headers),
            "body": markers.mask(message.body),
        }


def _message(work: Work[PreparedWebhook], scope: Scope, markers: SecretMarkers) -> NewDelivery:
    context = scope.template_context(work)
    headers = _render("headers", work.prepared.headers, context, markers)
    return NewDelivery(
        firing_id=work.firing_id,
        event_id=work.event.event_id,
        customer_id=work.event.customer_id,
        source=SOURCE,
        source_id=work.trigger_id,
        url=work.prepared.url,
        method=work.prepared.method,
        headers={name: _header_text(value) for name, value in headers.items()},
        body=_render("bodyTemplate", work.prepared.body, context, markers),
        secret_nonce=markers.nonce,
    )


def _render(field: str, template: Template, context: Mapping[str, Any], markers: SecretMarkers) -> Any:
    try:
        return template.render(context, secret_marker=markers.mark)
    except RenderError as error:
        raise ActionFailed(f"{field} can't be rendered for this event: {error}") from None


def _header_text(value: Any) -> str:
    """A lone placeholder keeps its JSON type, but a header is text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else encode(value).decode()


def _problems(config: Mapping[str, Any]) -> list[Detail]:
    """Everything that is wrong with the values of a config of the right shape."""
    found: list[Detail] = []
    if "{{" in config["url"] or "{%" in config["url"]:
        found.append(Detail("url", "must be the plain address; put event data into headers or bodyTemplate."))
    checks: list[tuple[str, Callable[[], object]]] = [
        ("url", lambda: check_url(config["url"])),
        ("headers", lambda: check_headers(config["headers"])),
        ("headers", lambda: parse(config["headers"], roots=_ROOTS)),
        ("bodyTemplate", lambda: parse(config["bodyTemplate"], roots=_ROOTS)),
    ]
    for field, check in checks:
        try:
            check()
        except ValidationFailed as error:
            found += error.under(field).details
        except TargetRefused as error:
            found.append(Detail(field, str(error)))
        except TemplateError as error:
            found += [Detail(join_path(field, path), message) for path, message in error.problems]
    return found
