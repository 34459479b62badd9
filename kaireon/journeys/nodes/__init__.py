"""The types of node, by their names."""

from collections.abc import Mapping
from typing import Any

from kaireon.journeys.nodes.base import NodeType
from kaireon.journeys.nodes.channel_action import ChannelAction
from kaireon.journeys.nodes.condition_split import ConditionSplit
from kaireon.journeys.nodes.entry_trigger import EntryTrigger
from kaireon.journeys.nodes.exit import Exit
from kaireon.journeys.nodes.nba_decision import NbaDecision
from kaireon.journeys.nodes.update import Update
from kaireon.journeys.nodes.wait import Wait

NODE_TYPES: Mapping[str, NodeType[Any]] = {
    node_type.node_type: node_type
    for node_type in (
        EntryTrigger(),
        Wait(),
        NbaDecision(),
        ConditionSplit(),
        ChannelAction(),
        Update(),
        Exit(),
    )
}
