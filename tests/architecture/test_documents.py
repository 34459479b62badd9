"""What the code has and the documents don't say, and examples in documents that give something else than they say.

A name counts as said where it stands in backticks in the page that should hold it.
"""

import ast
import json
import re
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import BaseCommand
from django_filters.rest_framework import FilterSet
from rest_framework.serializers import BaseSerializer

from kaireon import conditions, urls
from kaireon.core import clock, templating
from kaireon.core.errors import ApiError
from kaireon.core.expressions import parse as parse_expression
from kaireon.core.rest import exceptions
from kaireon.core.templating.dialect import TAG_NAMES
from kaireon.customers.api.segment_serializers import MemberBody, SegmentBody
from kaireon.customers.field_types import FIELD_TYPES
from kaireon.decisioning import channel_configs
from kaireon.decisioning.api.channels import ChannelBody
from kaireon.decisioning.api.decision_flows import DecisionFlowBody, ScoreBody
from kaireon.decisioning.api.inbox import InboxMessageBody
from kaireon.decisioning.api.offers import BudgetBody, OfferBody
from kaireon.decisioning.api.outcome_types import OutcomeTypeBody
from kaireon.decisioning.api.respond import OutcomeBody
from kaireon.decisioning.models import ChannelStatus, ChannelType, FlowStatus, OfferStatus
from kaireon.decisioning.outcome_types import SYSTEM_TYPES
from kaireon.delivery.models import Kind as DeliveryKind
from kaireon.delivery.models import Status as DeliveryStatus
from kaireon.events.api.serializers import StreamProgressBody
from kaireon.events.ingestion import PLATFORM_EVENT_TYPES
from kaireon.events.management.commands import consume
from kaireon.events.models import EventStatus
from kaireon.events.streams import mapping
from kaireon.journeys.definition import JourneyBody
from kaireon.journeys.enrolling import Deduplication
from kaireon.journeys.models import EnrolmentStatus, JourneyStatus
from kaireon.journeys.nodes import NODE_TYPES
from triggers.actions import registry
from triggers.actions.base import TEMPLATE_ROOTS
from triggers.chain import NODE_TYPES as CHAIN_NODE_TYPES
from triggers.demo import bank
from triggers.engine.decisions import Verdict
from triggers.engine.dry_run import NOT_MATCHED
from triggers.management.commands import demo_traffic
from triggers.models import Outcome

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("audit", "kaireon", "triggers")
PAGES = sorted(
    page
    for page in (*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"), *PROJECT.glob("triggers/*.md"))
    if page.is_file()
)

# What reads a variable of the environment: settings' own three, and a mapping's get.
_READERS = {"_flag", "_list", "_whole", "get", "getenv"}
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]+\Z")
# What happened to something: `offer.status_changed`. test_every_recorded_action_is_known_as_one watches over the list.
_AUDITED = (
    "audit|budget|channel|customer|decision_flow|delivery|event|journey|key|loop|offer|outcome_type|record|schema|"
    "secret|segment|sign_in|signing_secret|trigger|user"
)
_AUDIT_ACTION = re.compile(rf"({_AUDITED})\.([a-z_]*ed|dead|set)\Z")
# These have the action as a keyword (`action=`, or by what was done), or as their first argument.
_RECORDERS = {"NewEntry", "AuditActions", "_entry", "_record"}
_OPERATION = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/[^\s`?]+)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    """The text of a page of docs/."""
    return (PROJECT / "docs" / name).read_text(encoding="utf-8")


def unsaid(names: Iterable[str], text: str) -> list[str]:
    """Those of `names` that don't stand in backticks in `text`."""
    return sorted(name for name in names if f"`{name}`" not in text)


def modules() -> Iterator[ast.Module]:
    """The project's code, without tests and migrations."""
    for package in PACKAGES:
        for file in sorted((PROJECT / package).rglob("*.py")):
            if "migrations" not in file.parts:
                yield ast.parse(file.read_text(encoding="utf-8"))


def texts_in_code() -> set[str]:
    """Every literal text of the project's code."""
    return {
        node.value
        for module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def environment_variables() -> set[str]:
    """The names of all variables of the environment that the code reads."""
    found: set[str] = set()
    for module in modules():
        for node in ast.walk(module):
            match node:
                case ast.Call(func=ast.Name(id=reader) | ast.Attribute(attr=reader), args=[ast.Constant(name), *_]):
                    wanted = reader in _READERS
                case ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(name)):
                    wanted = True
                case ast.Compare(left=ast.Constant(name), comparators=[ast.Attribute(attr="environ")]):
                    wanted = True
                case _:
                    continue
            if wanted and isinstance(name, str) and _VARIABLE.match(name):
                found.add(name)
    return found


def recorded_actions() -> set[str]:
    """The actions that stand literally where an entry of the audit log is made."""
    found: set[str] = set()
    for module in modules():
        for node in ast.walk(module):
            match node:
                case ast.Call(func=ast.Name(id=maker) | ast.Attribute(attr=maker)) if maker in _RECORDERS:
                    named = [word.value for word in node.keywords if maker == "AuditActions" or word.arg == "action"]
                    for value in (*node.args[:1], *named):
                        if isinstance(value, ast.Constant) and isinstance(value.value, str):
                            found.add(value.value)
    return found


def fields(body: type[BaseSerializer[Any]]) -> set[str]:
    """What a body has, besides the two dates that every resource has."""
    return set(getattr(body(), "fields", {})) - {"createdAt", "updatedAt"}


def filters() -> set[str]:
    """The filters of all lists."""
    assert urls.urlpatterns  # which has imported all of them

    def below(kind: type[FilterSet]) -> Iterator[type[FilterSet]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    ours = [kind for kind in below(FilterSet) if kind.__module__.split(".")[0] in PACKAGES]
    return {name for kind in ours for name in kind.base_filters}


def options(command: type[BaseCommand]) -> set[str]:
    """The options of a command and of its subcommands, without those that all commands of Django have."""

    def of(parser: ArgumentParser) -> Iterator[str]:
        for action in parser._actions:
            yield from (option for option in action.option_strings if option.startswith("--"))
            if isinstance(action.choices, dict):
                for child in action.choices.values():
                    yield from of(child)

    whole, common = (kind().create_parser("manage.py", "command") for kind in (command, BaseCommand))
    return set(of(whole)) - set(of(common))


def demo_ids() -> set[str]:
    """The ids of what the bank has."""
    return {body["id"] for _, body in bank.bodies(clock.now())} | {str(body["id"]) for body in bank.TRIGGERS}


def error_codes() -> set[str]:
    """Every code that an answer can carry."""

    def below(error: type[ApiError]) -> Iterator[type[ApiError]]:
        yield error
        for child in error.__subclasses__():
            yield from below(child)

    return {error.code for error in below(ApiError)} | set(exceptions._CODES.values())


def dependencies() -> set[str]:
    """What requirements*.in name, without extras and versions."""
    lines = [line for file in PROJECT.glob("requirements*.in") for line in file.read_text().splitlines()]
    return {re.split(r"[\[<>=!~; ]", line)[0] for line in lines if line and not line.startswith("#")}


def operations() -> set[str]:
    """What the API can do: `GET /triggers/{}`."""
    found = set()
    path = ""
    for line in page("openapi.yaml").splitlines():
        if match := re.fullmatch(r"  /api/v1(/\S+):", line):
            path = match[1]
        elif match := re.fullmatch(r"    (get|post|put|patch|delete):", line):
            found.add(f"{match[1].upper()} {_without_names(path)}")
    return found


def documented_operations(text: str) -> set[str]:
    """The same, as a page names them in backticks."""
    return {f"{method} {_without_names(path)}" for method, path in _OPERATION.findall(text)}


def astray(text: str, *, document: Path) -> list[str]:
    """The links in `text`, which stands in `document`, that lead to no file or to no heading."""
    found = []
    for target in _LINK.findall(text):
        file, _, anchor = target.partition("#")
        if "://" in file:
            continue
        wanted = (document.parent / file).resolve() if file else document
        if not wanted.exists() or (anchor and anchor not in _anchors(wanted)):
            found.append(target)
    return found


def _without_names(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


SUBJECTS: dict[str, tuple[Callable[[], Iterable[str]], str]] = {
    "settings": (environment_variables, "settings.md"),
    "operators of conditions": (lambda: conditions.OPERATORS, "conditions.md"),
    "roots of templates": (lambda: TEMPLATE_ROOTS | {"secret"}, "templates.md"),
    "tags of templates": (lambda: TAG_NAMES, "templates.md"),
    "filters of templates": (lambda: templating.FILTER_NAMES, "templates.md"),
    "types of action": (lambda: registry.actions(), "actions.md"),
    "keys of the actions' configs": (
        lambda: {key for action in registry.actions().values() for key in action.config().get_fields()},
        "actions.md",
    ),
    "outcomes of firings": (lambda: Outcome.values, "actions.md"),
    "statuses of deliveries": (lambda: DeliveryStatus.values, "actions.md"),
    "ways to deal with who is in a journey already": (lambda: Deduplication, "actions.md"),
    "kinds of deliveries": (lambda: DeliveryKind.values, "api.md"),
    "members of chains": (lambda: CHAIN_NODE_TYPES, "api.md"),
    "filters of lists": (filters, "api.md"),
    "fields of offers": (lambda: fields(OfferBody) | fields(BudgetBody), "offers.md"),
    "statuses of offers": (lambda: OfferStatus.values, "offers.md"),
    "fields of outcomes": (lambda: fields(OutcomeBody), "outcomes.md"),
    "types of outcomes": (lambda: SYSTEM_TYPES, "outcomes.md"),
    "fields of outcome types": (lambda: fields(OutcomeTypeBody), "outcomes.md"),
    "fields of channels": (lambda: fields(ChannelBody), "channels.md"),
    "types and statuses of channels": (lambda: [*ChannelType.values, *ChannelStatus.values], "channels.md"),
    "keys of the channels' configs": (
        lambda: {key for config in channel_configs.CONFIGS.values() for key in config().get_fields()},
        "channels.md",
    ),
    "roots of the channels' templates": (lambda: channel_configs.TEMPLATE_ROOTS | {"secret"}, "channels.md"),
    "fields of inbox messages": (lambda: fields(InboxMessageBody), "channels.md"),
    "fields of decision flows": (lambda: fields(DecisionFlowBody) | fields(ScoreBody), "decision-flows.md"),
    "statuses of decision flows": (lambda: FlowStatus.values, "decision-flows.md"),
    "fields of segments": (lambda: fields(SegmentBody), "segments.md"),
    "fields of members of segments": (lambda: fields(MemberBody), "segments.md"),
    "fields of journeys": (lambda: fields(JourneyBody), "journeys.md"),
    "statuses of journeys and enrolments": (lambda: {*JourneyStatus.values, *EnrolmentStatus.values}, "journeys.md"),
    "types of nodes": (lambda: NODE_TYPES, "journeys.md"),
    "keys of the nodes' configs": (
        lambda: {key for node in NODE_TYPES.values() for key in node.config().get_fields()},
        "journeys.md",
    ),
    "fields of mapped events": (lambda: mapping.FIELDS, "streams.md"),
    "options of consume": (lambda: options(consume.Command), "streams.md"),
    "fields of the progress of streams": (lambda: fields(StreamProgressBody), "streams.md"),
    "options of demo_traffic": (lambda: options(demo_traffic.Command), "demo.md"),
    "parts of the demo": (demo_ids, "demo.md"),
    "error codes": (error_codes, "api.md"),
    "decisions": (lambda: [*Verdict, NOT_MATCHED], "api.md"),
    "statuses of events": (lambda: EventStatus.values, "api.md"),
    "types of fields": (lambda: FIELD_TYPES, "api.md"),
    "types of events": (lambda: PLATFORM_EVENT_TYPES, "api.md"),
    "actions of the audit log": (lambda: filter(_AUDIT_ACTION.match, texts_in_code()), "api.md"),
    "dependencies": (dependencies, "dependencies.md"),
}


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_page_says_all_that_the_code_has(subject: str) -> None:
    names, name_of_page = SUBJECTS[subject]
    assert unsaid(names(), page(name_of_page)) == []


@pytest.mark.parametrize("subject", SUBJECTS)
def test_control_a_name_that_is_taken_out_of_its_page_is_missed(subject: str) -> None:
    names, name_of_page = SUBJECTS[subject]
    whole = page(name_of_page)
    found = sorted(names())
    assert len(found) > 1
    for name in found:
        assert unsaid(found, whole.replace(f"`{name}`", name)) == [name]


def test_variables_are_found_however_they_are_read() -> None:
    """By settings' own readers, by get, by subscript, by in."""
    known = {"DEBUG", "KAIREON_ALLOWED_HOSTS", "KAIREON_RATE_LIMIT_PER_MINUTE", "SECRET_KEY", "PORT", "DATABASE_URL"}
    assert known <= environment_variables()


def test_every_recorded_action_is_known_as_one() -> None:
    """A new kind of thing in the audit log must be added to the pattern by which actions are found."""
    found = recorded_actions()
    assert {"trigger.created", "offer.deleted", "channel.status_changed", "loop.stopped"} <= found
    assert [action for action in sorted(found) if not _AUDIT_ACTION.match(action)] == []


def test_each_operation_of_the_api_has_its_place_and_no_other_is_named() -> None:
    assert documented_operations(page("api.md")) == operations()


def test_control_an_operation_that_is_taken_out_is_missed() -> None:
    text = page("api.md")
    assert len(operations()) > 30
    for operation in documented_operations(text):
        pattern = re.escape(operation).replace(r"\{\}", r"\{\w+\}") + r"(?![\w/{])"
        assert operations() - documented_operations(re.sub(pattern, "", text)) == {operation}


def test_each_operation_of_the_api_has_an_example() -> None:
    """The example follows its operation: a code block with the path, and the method where curl would take another."""
    sections = re.split(r"(?=^`(?:GET|POST|PUT|PATCH|DELETE) /)", page("api.md"), flags=re.MULTILINE)[1:]
    shown: set[str] = set()
    for section in sections:
        blocks = "".join(code for language, code in _CODE_BLOCK.findall(section) if language == "sh")
        for method, path in _OPERATION.findall(section.split("\n\n", 1)[0]):
            route = re.sub(r"\\\{\w+\\\}", r"[$\\w-]+", re.escape(path))
            told = {"GET": "", "POST": "(-X POST|-d )"}.get(method, f"-X {method}")
            if re.search(rf"\$API{route}(?![\w/])", blocks) and re.search(told, blocks):
                shown.add(f"{method} {_without_names(path)}")
    assert shown == operations()


def test_settings_that_a_page_names_exist() -> None:
    """The other way round: nobody sets what nothing reads."""
    named = set(re.findall(r"\bKAIREON_[A-Z_]+\b", "".join(page.read_text(encoding="utf-8") for page in PAGES)))
    assert named - texts_in_code() == set()


@pytest.mark.parametrize("document", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(document: Path) -> None:
    assert astray(document.read_text(encoding="utf-8"), document=document) == []


def test_control_links_to_nowhere_are_found() -> None:
    text = "[a](docs/api.md) [b](docs/nothing.md) [c](docs/api.md#errors) [d](docs/api.md#nothing) [e](https://example.com)"
    assert astray(text, document=PROJECT / "README.md") == ["docs/nothing.md", "docs/api.md#nothing"]


@pytest.mark.parametrize("document", PAGES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_blocks_of_json_are_json(document: Path) -> None:
    for language, code in _CODE_BLOCK.findall(document.read_text(encoding="utf-8")):
        if language == "json":
            json.loads(code)


def test_examples_of_conditions_are_conditions() -> None:
    examples = [json.loads(code) for language, code in _CODE_BLOCK.findall(page("conditions.md")) if language == "json"]
    used = {leaf["operator"] for example in examples for leaf in _leaves(example)}
    assert used == set(conditions.OPERATORS)
    for example in examples:
        conditions.parse(example)


def test_examples_of_operators_give_what_the_page_says() -> None:
    rows = 0
    for name, table in _tables(page("conditions.md")):
        operator = name.strip("`")
        if operator not in conditions.OPERATORS:
            continue
        for found, value, answer in table:
            rows += 1
            document = {} if found == "missing" else {"field": json.loads(found.strip("`"))}
            leaf = {"field": "field", "operator": operator, "value": json.loads(value.strip("`"))}
            passes = conditions.compile(conditions.parse(leaf))
            assert passes(document) is answer.startswith("true"), (found, operator, value)
    assert rows == 13


def test_examples_of_templates_give_what_the_page_says() -> None:
    text = page("templates.md")
    context = next(json.loads(code) for language, code in _CODE_BLOCK.findall(text) if language == "json")
    table = next(table for name, table in _tables(text) if name == "renders to")
    for template, expected in table:
        parsed = templating.parse(template.strip("`"), roots=TEMPLATE_ROOTS)
        assert parsed.render(context) == json.loads(expected.strip("`")), template
    assert len(table) == 17


def test_examples_of_expressions_give_what_the_page_says() -> None:
    table = next(table for name, table in _tables(page("templates.md")) if name == "result")
    for expression, attributes, expected in table:
        value = parse_expression(expression.strip("`")).evaluate(json.loads(attributes.strip("`")))
        assert float(value or 0) == json.loads(expected.strip("`")), expression
    assert len(table) == 11


def _leaves(condition: Any) -> Iterator[dict[str, Any]]:
    if "operator" in condition:
        yield condition
    for member in (*condition.get("all", ()), *condition.get("any", ())):
        yield from _leaves(member)


def _tables(text: str) -> Iterator[tuple[str, list[list[str]]]]:
    """Each table by the head of its last column, with its rows."""
    for block in re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE):
        head, _, *rows = (_cells(line) for line in block.splitlines())
        yield head[-1], rows


def _cells(line: str) -> list[str]:
    return [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _anchors(document: Path) -> set[str]:
    """The headings of a page, as its readers' software makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
