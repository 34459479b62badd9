"""A person who looks at pages of the running product, signed in as the demo's admin."""

import json
import re
import time
from collections.abc import Sequence
from http.cookiejar import CookieJar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

from tests.benchmarks.product import Product

PATIENCE_S = 120.0


class Visitor:
    """Studio, the admin and the API know the same session."""

    def __init__(self, product: Product) -> None:
        self._address = f"http://127.0.0.1:{product.running.port}"
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))
        demo = json.loads((product.home / "demo.json").read_text())
        token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', self._read("/login"))
        assert token
        form = {"csrfmiddlewaretoken": token[1], "username": demo["login"], "password": demo["password"]}
        signed_in = Request(f"{self._address}/login", urlencode(form).encode(), {"Referer": self._address})
        with self._opener.open(signed_in, timeout=PATIENCE_S) as answer:
            assert "/studio/" in answer.url, answer.url

    def milliseconds(self, path: str, *, times: int) -> Sequence[float]:
        """How long `path` took each time, until its last byte; it was asked for once before. Raises for 4xx and 5xx."""
        self._read(path)
        taken = []
        for _ in range(times):
            began = time.perf_counter()
            self._read(path)
            taken.append((time.perf_counter() - began) * 1000)
        return taken

    def _read(self, path: str) -> str:
        with self._opener.open(self._address + path, timeout=PATIENCE_S) as answer:
            return str(answer.read().decode())
