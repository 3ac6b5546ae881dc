"""One key service of each kind for a test, and one OpenBao for all of them."""

import os

import pytest

import openbao
from unit.compliance.vault.services import FakeKms, FakeVault, serving

_OF_AWS = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KMS")


@pytest.fixture
def vault():
    with serving(FakeVault()) as service:
        service.key("audit")
        service.key("other")
        yield service


@pytest.fixture
def kms():
    with serving(FakeKms()) as service:
        service.key("alias/audit")
        service.key("alias/other")
        yield service


@pytest.fixture(scope="session")
def bao(tmp_path_factory):
    if reason := openbao.find()[1]:
        pytest.skip(reason)
    with openbao.serve(tmp_path_factory.mktemp("bao")) as server:
        yield server


@pytest.fixture(autouse=True)
def _credentials_of_the_tests(monkeypatch, tmp_path):
    """AWS's SDK takes nothing from this machine, and no address but those that a test names is asked."""
    for name in _OF_AWS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOFTHETESTS")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SecretOfTheTests")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
