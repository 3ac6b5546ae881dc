"""What AWS KMS refuses is told with its remedy; credentials stand in no message."""

import base64
import hashlib
import json
import sys

import pytest

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.vault.opening import open_provider
from ticktrail_compliance.vault.settings import KeySettings

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def opened(**keys):
    return open_provider(KeySettings(**{"timeout_s": 10, **keys}), None, create=True, warn=lambda _: None)


def test_what_is_asked(kms):
    """The context goes as its hash, and the secret behind one byte, since KMS takes no empty one."""
    key = opened(aws_kms="alias/audit", region="eu-central-1", endpoint_url=kms.address)
    key.unwrap(key.wrap(b"secret", b"log 1"), b"log 1")
    (_, headers, sent), (_, _, asked) = kms.seen
    body = json.loads(sent)
    assert headers["X-Amz-Target"] == "TrentService.Encrypt"
    assert body["EncryptionContext"] == {"ticktrail": hashlib.sha256(b"log 1").hexdigest()}
    assert base64.b64decode(body["Plaintext"]) == b"\x01secret"
    assert json.loads(asked)["KeyId"] == "alias/audit"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("AccessDeniedException", "grant kms:Encrypt and kms:Decrypt"),
        ("NotFoundException", "name a key that is there"),
        ("DisabledException", "enable the key"),
        ("KMSInvalidStateException", "cancel the key's deletion"),
        ("InvalidKeyUsageException", "ENCRYPT_DECRYPT"),
        ("UnrecognizedClientException", "give credentials that AWS knows"),
        ("ExpiredTokenException", "renew the credentials"),
        ("SomethingNewException", "how AWS is"),
    ],
)
def test_a_refusal_has_its_remedy(kms, code, says):
    """By AWS's own code; what the message may repeat is left out."""
    key = opened(aws_kms="alias/audit", region="eu-central-1", endpoint_url=kms.address)
    kms.faults = [kms.error(code, "SecretOfTheTests")]
    for call in (lambda: key.wrap(bytes(32), b"log"), lambda: key.unwrap(b"x" * 99, b"log")):
        with pytest.raises(AuditError, match=says) as caught:
            call()
        assert code in str(caught.value)
        assert "SecretOfTheTests" not in str(caught.value)


def test_without_credentials(kms, monkeypatch):
    """Told at the first question."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    key = opened(aws_kms="alias/audit", region="eu-central-1", endpoint_url=kms.address)
    with pytest.raises(
        AuditError, match=r"NoCredentialsError\): give credentials, by environment, profile or role"
    ):
        key.wrap(bytes(32), b"log")
    assert kms.seen == []


def test_without_a_region(monkeypatch):
    """An alias is of a region; AWS's own settings may name it, an ARN does."""
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(ConfigError, match="names no region: write region"):
        opened(aws_kms="alias/audit")
    opened(aws_kms=ARN)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    opened(aws_kms="alias/audit")


@pytest.mark.parametrize("keys", [{"aws_kms": ARN}, {"aws_kms": "alias/audit", "region": "eu-west-1"}])
def test_without_the_sdk(monkeypatch, keys):
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConfigError, match=r"pip install 'ticktrail-compliance\[aws\]'"):
        opened(**keys)


def test_a_key_s_name_is_its_reference():
    """Short and public."""
    assert opened(aws_kms=ARN).key_id == f"aws-kms:{ARN}"
