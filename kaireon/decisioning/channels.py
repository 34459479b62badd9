"""Channels: finding, creating, changing and deleting them."""

from collections.abc import Collection, Mapping
from typing import Any

from kaireon.core.errors import ValidationFailed
from kaireon.decisioning.channel_configs import checked_config
from kaireon.decisioning.keeping import AuditActions, Keeper
from kaireon.decisioning.models import Channel, ChannelStatus


def _check(channel: Channel, given: Collection[str]) -> None:
    if "channel_type" in given and not channel._state.adding:
        before = Channel.objects.values_list("channel_type", flat=True).get(pk=channel.pk)
        if before != channel.channel_type:
            raise ValidationFailed.at("channelType", f"can't be changed from {before}; make a new channel instead.")
    if "config" in given:
        channel.config = checked_config(channel.channel_type, channel.config)


def _facts(channel: Channel) -> dict[str, Any]:
    return {
        "name": channel.name,
        "status": channel.status,
        "channelType": channel.channel_type,
        "config": channel.config,
    }


CHANNELS = Keeper(
    model=Channel,
    noun="channel",
    id_prefix="ch_",
    actions=AuditActions(
        created="channel.created",
        updated="channel.updated",
        status_changed="channel.status_changed",
        deleted="channel.deleted",
    ),
    check=_check,
    facts=_facts,
)


def usable_channels(channel_ids: Collection[str]) -> dict[str, Channel | str]:
    """The channels of these ids in one query; in the place of one that is gone or paused, a sentence that says so."""
    found = Channel.objects.in_bulk(list(set(channel_ids))) if channel_ids else {}
    return {channel_id: _usable(channel_id, found) for channel_id in channel_ids}


def _usable(channel_id: str, found: Mapping[str, Channel]) -> Channel | str:
    channel = found.get(channel_id)
    if channel is None:
        return f"there is no channel {channel_id} any more."
    if channel.status != ChannelStatus.ACTIVE:
        return f"the channel {channel_id} is {channel.status}; nothing is sent through it."
    return channel
