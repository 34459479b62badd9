"""Templates: any JSON value whose strings are Liquid, parsed when it is saved, rendered when a trigger fires.

Plain Python and python-liquid: nothing of Django's, no clock, no input or output.

    template = parse({"id": "{{ event.id }}", "text": "Number {{ event.id }}"}, roots=frozenset({"event"}))
    template.fields_read                      # frozenset({"event.id"})
    template.render({"event": {"id": 7}})     # {"id": 7, "text": "Number 7"}

**Values.** A string that is one placeholder and nothing else keeps its JSON type, filters included; a missing value
is null. In any other string a value is written as JSON writes it (`true`, `12.5`, `["a"]`), text as itself, a missing
value as nothing. Keys, numbers, true, false and null stay what they are. A value is never parsed again: what looks like
a template in an event stays text.

**Names.** A template reads what starts with one of `roots`, and what it defines itself by assign, capture and for. Any
other name is refused, since it could only ever render as nothing. `event.items[0].sku` and `event.items.0.sku` step
into a list. Steps are keys and indexes, never Python attributes; `.size`, `.first` and `.last` mean what Liquid means
by them where there is no such key.

**Liquid.** Tags: if, unless, case, for (break, continue), assign, capture, comment, raw. Filters: `FILTER_NAMES`.
No includes, no ambient clock, no HTML escaping.

**Secrets.** `{{ secret.name }}`, as it stands here, renders to a marker. The secret itself is put in at the moment of
sending, by `SecretMarkers.fill`; what is stored, logged and shown has `SecretMarkers.mask` applied.

**Bounds.** Nothing that a template or an event holds makes rendering slow or large: see `bounds`. What exceeds one, and
whatever else goes wrong, is a RenderError.
"""

from kaireon.core.templating.errors import MissingSecret, RenderError, TemplateError
from kaireon.core.templating.filters import FILTER_NAMES
from kaireon.core.templating.secret_markers import SecretMarkers, is_secret_name
from kaireon.core.templating.template import Template, parse

__all__ = [
    "FILTER_NAMES",
    "MissingSecret",
    "RenderError",
    "SecretMarkers",
    "Template",
    "TemplateError",
    "is_secret_name",
    "parse",
]
