"""Every place that a key may come from wraps by the same laws; the real ones too, where they are here."""

import base64
import contextlib
import itertools
import os
import secrets
from dataclasses import dataclass, replace

import boto3
import keyring
import keyring.backend
import moto
import pytest
from hypothesis import HealthCheck, given, settings, strategies

import openbao
from ticktrail.errors import AuditError
from ticktrail.plugin import Secret
from ticktrail_compliance.vault.local import LocalKey
from ticktrail_compliance.vault.opening import open_provider
from ticktrail_compliance.vault.provider import KEY_ID_CHARACTERS, KeyProvider
from ticktrail_compliance.vault.settings import KeySettings
from unit.compliance.vault.services import DRIP, MUTE, TOKEN, at_most

LIMIT_S = 1.0


@dataclass
class Place:
    """A key, another one of the same place, what must never be shown, and how to break the service.

    `hasty` is the key with a deadline of `LIMIT_S`, `down` the same where nobody answers, `again` the key opened anew.
    """

    key: KeyProvider
    other: KeyProvider
    hidden: list[str]
    service: object = None
    hasty: KeyProvider | None = None
    down: KeyProvider | None = None
    again: KeyProvider | None = None
    vague: bool = False  # refuses what names another key without the words by which AWS tells why

    def unwraps(self, wrapped, context):
        """Return what the key says, None too where a vague service refuses."""
        try:
            return self.key.unwrap(wrapped, context)
        except AuditError as exc:
            if not self.vague or "AccessDeniedException" not in str(exc):
                raise
            return None


class Memory(keyring.backend.KeyringBackend):
    """A keyring of the tests."""

    priority = 1

    def __init__(self):
        self.entries = {}

    def get_password(self, service, username):
        return self.entries.get((service, username))

    def set_password(self, service, username, password):
        self.entries[service, username] = password


def opened(tmp_path, key, **more):
    return open_provider(key, tmp_path, create=True, warn=lambda _: None, **more)


def text_of_a_key():
    return base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture
def file(tmp_path):
    key, other = (opened(tmp_path, KeySettings(file=name)) for name in ("a.key", "b.key"))
    text = (tmp_path / "a.key").read_text().strip()
    return Place(
        key, other, [text, base64.b64decode(text).hex()], again=opened(tmp_path, Secret(file="a.key"))
    )


@pytest.fixture
def environment(tmp_path, monkeypatch):
    texts = [text_of_a_key() for _ in range(2)]
    for name, text in zip(("TICKTRAIL_A", "TICKTRAIL_B"), texts, strict=True):
        monkeypatch.setenv(name, text)
    return Place(
        opened(tmp_path, KeySettings(env="TICKTRAIL_A")),
        opened(tmp_path, KeySettings(env="TICKTRAIL_B")),
        texts,
    )


@pytest.fixture
def in_keyring(tmp_path):
    before, memory = keyring.get_keyring(), Memory()
    keyring.set_keyring(memory)
    texts = [text_of_a_key() for _ in range(2)]
    for user, text in zip(("a", "b"), texts, strict=True):
        memory.set_password("ticktrail", user, text)
    yield Place(
        opened(tmp_path, KeySettings(keyring="ticktrail/a")),
        opened(tmp_path, KeySettings(keyring="ticktrail/b")),
        texts,
    )
    keyring.set_keyring(before)


def transit(address, name, folder, **more):
    (folder / "token").write_text(more.pop("token", TOKEN) + "\n")
    settings = KeySettings(vault=address, name=name, token=Secret(file="token"), **{"timeout_s": 30, **more})
    return opened(folder, settings)


@pytest.fixture
def transit_engine(tmp_path, vault):
    return Place(
        transit(vault.address, "audit", tmp_path),
        transit(vault.address, "other", tmp_path),
        [TOKEN],
        vault,
        hasty=transit(vault.address, "audit", tmp_path, timeout_s=LIMIT_S),
        down=transit("http://127.0.0.1:9", "audit", tmp_path, timeout_s=LIMIT_S),
        again=transit(vault.address, "audit", tmp_path),
    )


@pytest.fixture
def real_openbao(tmp_path, bao):
    made = [
        transit(bao.address, name, tmp_path, ca_file=bao.ca_file, token=openbao.ROOT)
        for name in ("audit", "other", "audit")
    ]
    return Place(made[0], made[1], [openbao.ROOT], again=made[2])


def aws(tmp_path, ref, **more):
    return opened(tmp_path, KeySettings(aws_kms=ref, **{"region": "eu-central-1", "timeout_s": 30, **more}))


@pytest.fixture
def aws_kms(tmp_path, kms):
    usual = {"endpoint_url": kms.address}
    hasty = aws(tmp_path, "alias/audit", **usual, timeout_s=LIMIT_S)
    while True:  # to load the SDK's model of KMS counts as well, and takes long on a busy machine
        with contextlib.suppress(AuditError):
            hasty.wrap(b"", b"")
            break
    return Place(
        aws(tmp_path, "alias/audit", **usual),
        aws(tmp_path, "alias/other", **usual),
        ["SecretOfTheTests"],
        kms,
        hasty=hasty,
        down=aws(tmp_path, "alias/audit", endpoint_url="http://127.0.0.1:9", timeout_s=LIMIT_S),
        again=aws(tmp_path, "alias/audit", **usual),
    )


@pytest.fixture
def moto_kms(tmp_path):
    with moto.mock_aws():
        client = boto3.client("kms", region_name="eu-central-1")
        arns = [client.create_key()["KeyMetadata"]["Arn"] for _ in range(2)]
        made = [aws(tmp_path, arn, region=None) for arn in (*arns, arns[0])]
        yield Place(made[0], made[1], ["SecretOfTheTests"], again=made[2], vague=True)


SERVICES = ["transit_engine", "aws_kms"]
PLACES = ["file", "environment", "in_keyring", *SERVICES, "real_openbao", "moto_kms"]


@pytest.fixture
def place(request):
    return request.getfixturevalue(request.param)


everywhere = pytest.mark.parametrize("place", PLACES, indirect=True)
of_services = pytest.mark.parametrize("place", SERVICES, indirect=True)


@everywhere
def test_what_was_wrapped_is_unwrapped(place):
    """By the same key in the same context, whatever both are; never as it was, and never twice the same."""
    for secret, context in itertools.product(
        (b"", bytes(32), os.urandom(32), b"x" * 2048), (b"", b"log 1, key 2", bytes(range(256)))
    ):
        wrapped = place.key.wrap(secret, context)
        assert place.key.unwrap(wrapped, context) == secret
        assert not secret or secret not in wrapped
        assert place.key.wrap(secret, context) != wrapped
        if place.again is not None:
            assert place.again.key_id == place.key.key_id
            assert place.again.unwrap(wrapped, context) == secret


@everywhere
def test_another_context(place):
    """A wrapped key cannot be moved to another row."""
    wrapped = place.key.wrap(bytes(32), b"log 1, key 2")
    for context in (b"log 1, key 3", b"", b"log 1, key 2 "):
        assert place.key.unwrap(wrapped, context) is None
    assert place.key.unwrap(place.key.wrap(bytes(32), b""), b"log 1, key 2") is None


@everywhere
def test_another_key(place):
    """It is not the one, which is no error: it is how the one is found."""
    other = replace(place, key=place.other)
    assert other.unwraps(place.key.wrap(bytes(32), b"log"), b"log") is None
    assert place.other.key_id != place.key.key_id


@everywhere
def test_a_flipped_bit(place):
    """Anywhere, and however the service writes what it wraps."""
    wrapped = place.key.wrap(b"s" * 31, b"log")
    for number in range(0, len(wrapped), max(1, len(wrapped) // 20)):
        for bit in (1, 4, 128):
            changed = bytearray(wrapped)
            changed[number] ^= bit
            assert place.unwraps(bytes(changed), b"log") is None, (number, bit)
    for length in (30, 31, 32):  # text that ends in no, two and one letters of padding
        wrapped = place.key.wrap(b"s" * length, b"log")
        for number, bit in itertools.product((-1, -2, -3), range(8)):
            changed = bytearray(wrapped)
            changed[number] ^= 1 << bit
            assert place.unwraps(bytes(changed), b"log") is None, (number, bit)


@everywhere
def test_what_nobody_wrapped(place):
    """Of any length: not ours, and no error."""
    for wrapped in (b"", b"x", b"vault:v1:", b"vault:v1:AAAA", bytes(12), bytes(28), b"\xff" * 7000):
        assert place.key.unwrap(wrapped, b"log") is None


@everywhere
def test_what_is_shown(place):
    """Names are short, public and the same each time; neither key nor token stands in them."""
    shown = f"{place.key!r} {place.key.origin} {place.key.key_id} {vars(place.key)!r}"
    for hidden in place.hidden:
        assert hidden not in shown
    assert 8 <= len(place.key.key_id) <= KEY_ID_CHARACTERS
    assert place.key.origin in repr(place.key)


@of_services
@pytest.mark.parametrize("fault", [MUTE, DRIP])
def test_a_service_that_is_slow(place, fault):
    """Silent, or a letter at a time: told within the deadline."""
    wrapped = place.key.wrap(bytes(32), b"log")
    place.service.faults = [fault]
    for call in (lambda: place.hasty.wrap(bytes(32), b"log"), lambda: place.hasty.unwrap(wrapped, b"log")):
        with at_most(LIMIT_S), pytest.raises(AuditError) as caught:
            call()
        assert_silent_about(place, caught)


@of_services
def test_a_service_that_is_down(place):
    """Told within the deadline, with where it was looked for."""
    for call in (
        lambda: place.down.wrap(bytes(32), b"log"),
        lambda: place.down.unwrap(b"vault:v1:AAAA", b"log"),
    ):
        with at_most(LIMIT_S), pytest.raises(AuditError) as caught:
            call()
        assert_silent_about(place, caught)


@of_services
@pytest.mark.parametrize(
    "fault",
    [
        (500, {"errors": ["internal error"]}),
        (503, b"<html>no upstream</html>"),
        (200, b"<html>a captive portal</html>"),
        (200, {"data": {"ciphertext": 5, "plaintext": "*"}}),
        (200, b"[" * 100_000),
        (400, {"errors": [f"what did you mean by {TOKEN}?"], "__type": "SecretOfTheTests"[:6]}),
        (418, b"\xff\x00"),
    ],
)
def test_a_service_that_talks_nonsense(place, fault):
    """An error of the audit log, never one of a parser, and nothing of it is repeated that is secret."""
    wrapped = place.key.wrap(bytes(32), b"log")
    place.service.faults = [fault]
    for call in (lambda: place.hasty.wrap(bytes(32), b"log"), lambda: place.hasty.unwrap(wrapped, b"log")):
        with at_most(LIMIT_S), pytest.raises(AuditError) as caught:
            call()
        assert_silent_about(place, caught)


@of_services
def test_a_service_that_is_busy_for_a_moment(place):
    """Asked again, and answered."""
    answer = place.again.wrap(bytes(32), b"log")
    place.service.faults = [(503, b""), (429, {"__type": "ThrottlingException"}), None]
    assert place.again.unwrap(answer, b"log") == bytes(32)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    secret=strategies.binary(max_size=100),
    context=strategies.binary(max_size=100),
    key=strategies.binary(min_size=32, max_size=32),
)
def test_a_local_key_takes_anything(secret, context, key):
    """Any secret in any context comes back."""
    local = LocalKey(key, "somewhere")
    assert local.unwrap(local.wrap(secret, context), context) == secret


def assert_silent_about(place, caught):
    shown = f"{caught.value} {caught.value!r} {caught.value.__cause__} {caught.value.__cause__!r}"
    for hidden in place.hidden:
        assert hidden not in shown
