"""What pages of Django admin share that only show things."""

import json
from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.paginator import InfinitePaginator


class ReadOnlyAdmin(ModelAdmin):
    """Lists and shows. Made for large tables: a list never counts its rows."""

    paginator = InfinitePaginator
    show_full_result_count = False
    list_fullwidth = True
    list_disable_select_all = True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def pretty_json(value: Any) -> SafeString:
    """`value` as indented JSON, to be read."""
    return format_html(
        '<pre class="whitespace-pre-wrap break-words font-mono text-sm">{}</pre>',
        json.dumps(value, indent=2, ensure_ascii=False),
    )
