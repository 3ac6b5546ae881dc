"""Be a venue on this machine: real web sockets and REST on one port, fed from a tape, that misbehave on demand.

A plugin's tests subclass `JsonVenue`, or `Venue`, `VenuePath` and `Client` where theirs is of another kind, with the
words of their own venue, and get every fault of `Fault` that has no words: cut, mute, garbled, refused, late. The
conformance kit provokes providers by them.

Runs on trio; needs h11 (``pip install 'ticktrail[testing]'``).
Owns: connections, subscriptions, the pace of the tape, and what goes wrong.
Never: knows a venue's words, or listens beyond the loopback interface.
"""

from __future__ import annotations

from ticktrail.testing.venue._client import Client, cut_short
from ticktrail.testing.venue._door import Door, Visit, header
from ticktrail.testing.venue._faults import Fault, FaultKind, FaultScript, load_faults
from ticktrail.testing.venue._frames import SharedStream, data_frame
from ticktrail.testing.venue._json import JsonClient, JsonVenue
from ticktrail.testing.venue._json_path import JsonPath, LiveTape
from ticktrail.testing.venue._message import Message, Tape
from ticktrail.testing.venue._path import KINDS, Asked, Memory, Quota, VenuePath
from ticktrail.testing.venue._rest import Answer, hindrance
from ticktrail.testing.venue._server import Venue, running

__all__ = [
    "KINDS",
    "Answer",
    "Asked",
    "Client",
    "Door",
    "Fault",
    "FaultKind",
    "FaultScript",
    "JsonClient",
    "JsonPath",
    "JsonVenue",
    "LiveTape",
    "Memory",
    "Message",
    "Quota",
    "SharedStream",
    "Tape",
    "Venue",
    "VenuePath",
    "Visit",
    "cut_short",
    "data_frame",
    "header",
    "hindrance",
    "load_faults",
    "running",
]
