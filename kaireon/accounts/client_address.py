"""Where a request comes from."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

# What the web server calls the other end of the connection.
_PEER = "REMOTE_ADDR"


def client_address(request: HttpRequest) -> str:
    """The caller's address: the connection's, or behind a proxy (KAIREON_BEHIND_PROXY) what that proxy says.

    A proxy adds the address that it sees to the end of X-Forwarded-For. What stands before that was sent by the caller,
    who can write anything there. An IPv6 address stands for its /64, since one machine has all of that.
    """
    address = str(request.META.get(_PEER, ""))
    if settings.BEHIND_PROXY:
        address = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or address
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)
