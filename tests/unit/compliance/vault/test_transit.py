"""What the transit engine refuses is told with its remedy; the token stays with the Vault and out of every message."""

import base64
import re

import httpx
import pytest

import openbao
from ticktrail.errors import AuditError, ConfigError
from ticktrail.plugin import Secret
from ticktrail_compliance.vault.opening import open_provider
from ticktrail_compliance.vault.settings import KeySettings, parse_key
from unit.compliance.vault.services import TOKEN, FakeVault, at_most, serving


def opened(folder, settings):
    return open_provider(settings, folder, create=True, warn=lambda _: None)


def of(service, folder, **more):
    if not {"token", "role_id"} & more.keys():
        (folder / "token").write_text(TOKEN)
        more["token"] = Secret(file="token")
    return opened(folder, KeySettings(**{"vault": service.address, "name": "audit", "timeout_s": 5, **more}))


def fails(call):
    with pytest.raises(AuditError) as caught:
        call()
    shown = f"{caught.value} {caught.value.__cause__!r}"
    assert TOKEN not in shown
    assert openbao.ROOT not in shown
    return str(caught.value)


def approle(folder, role="the-role", secret="the-secret-id"):
    (folder / "role").write_text(role)
    (folder / "secret").write_text(secret)
    return {"role_id": Secret(file="role"), "secret_id": Secret(file="secret")}


def test_the_ciphertext_is_the_engine_s_own(vault, tmp_path):
    """It can be decrypted with Vault's own tools: associated_data is the context in base64."""
    wrapped = of(vault, tmp_path).wrap(b"secret", b"log 1")
    assert re.fullmatch(rb"vault:v1:[A-Za-z0-9+/]+=*", wrapped)
    path, headers, body = vault.seen[0]
    assert path == "/v1/transit/encrypt/audit"
    assert headers["X-Vault-Token"] == TOKEN
    assert base64.b64encode(b"log 1") in body


def test_an_engine_that_does_not_heed_the_context(vault, tmp_path):
    """Before Vault 1.13 it took associated_data and forgot it: found out at the first key, which is then not used."""
    vault.heeds = False
    assert "does not know associated_data; run Vault 1.13" in fails(
        lambda: of(vault, tmp_path).wrap(bytes(32), b"log")
    )


def test_the_context_is_tried_once(vault, tmp_path):
    """Two questions for the first key, one for each other."""
    key = of(vault, tmp_path)
    for _ in range(3):
        key.wrap(bytes(32), b"log")
    assert len(vault.seen) == 4


def test_a_token_that_an_agent_renews(vault, tmp_path):
    """It is read again where it was refused; with the same one there is nothing to try."""
    key = of(vault, tmp_path)
    wrapped = key.wrap(bytes(32), b"log")
    vault.tokens, before = {"hvs.renewed"}, len(vault.seen)
    assert "denies transit/decrypt/audit" in fails(lambda: key.unwrap(wrapped, b"log"))
    assert len(vault.seen) == before + 1
    (tmp_path / "token").write_text("hvs.renewed\n")
    assert key.unwrap(wrapped, b"log") == bytes(32)
    (tmp_path / "token").unlink()
    assert "token cannot be read" in fails(lambda: key.unwrap(wrapped, b"log")).replace(
        str(tmp_path) + "/", ""
    )


def test_an_app_role_logs_in_once_and_again_when_refused(vault, tmp_path):
    """Its token is kept until the Vault ends it."""
    key = of(vault, tmp_path, **approle(tmp_path))
    wrapped = key.wrap(bytes(32), b"log")
    assert key.unwrap(wrapped, b"log") == bytes(32)
    assert vault.logins == 1
    vault.tokens = set()
    assert key.unwrap(wrapped, b"log") == bytes(32)
    assert vault.logins == 2


def test_an_app_role_whose_secret_has_ended(vault, tmp_path):
    """Told as such, and neither half stands in the message."""
    key = of(vault, tmp_path, **approle(tmp_path, secret="an-old-secret-id"))
    said = fails(lambda: key.wrap(bytes(32), b"log"))
    assert "give it a secret_id that has not ended" in said
    assert "the-role" not in said
    assert "an-old-secret-id" not in said


@pytest.mark.parametrize("token", ["", "two words", "two\nlines", "ümlaut", "tab\tbed", "\x00"])
def test_what_is_no_token(vault, tmp_path, token):
    """Refused at the start; a header's error would quote it."""
    (tmp_path / "bad").write_text(token)
    with pytest.raises(ConfigError, match="token holds something that a Vault does not give out") as caught:
        of(vault, tmp_path, token=Secret(file="bad"))
    assert not token or token not in f"{caught.value} {caught.value.__cause__!r} {caught.value.__context__!r}"
    (tmp_path / "bad").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="token holds something"):
        of(vault, tmp_path, token=Secret(file="bad"))


def test_a_token_that_is_not_there(vault, tmp_path, monkeypatch):
    """Told at the start, by its reference."""
    monkeypatch.delenv("VAULT_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="VAULT_TOKEN is not set"):
        of(vault, tmp_path, token=Secret(env="VAULT_TOKEN"))


def test_a_token_goes_nowhere_else(vault, tmp_path, monkeypatch):
    """Neither after a redirect nor to a proxy of the environment."""
    with serving(FakeVault()) as elsewhere:
        vault.faults = [(307, b"", {"Location": f"{elsewhere.address}/v1/transit/encrypt/audit"})]
        monkeypatch.setenv("HTTP_PROXY", elsewhere.address)
        monkeypatch.setenv("ALL_PROXY", elsewhere.address)
        said = fails(lambda: of(vault, tmp_path).wrap(bytes(32), b"log"))
        assert "name the address of the active Vault" in said
        assert elsewhere.seen == []


def test_how_long_to_wait_is_the_vault_s_word(vault, tmp_path):
    """Where it asks for longer than the deadline, that is told at once."""
    key = of(vault, tmp_path)
    vault.faults = [(429, {"errors": ["request path rate limit quota exceeded"]}, {"Retry-After": "3600"})]
    with at_most(0.5):
        assert "cannot answer now (HTTP status 429, request path rate limit" in fails(
            lambda: key.wrap(bytes(32), b"log")
        )
    assert len(vault.seen) == 1


def test_it_is_asked_so_often_and_no_more(vault, tmp_path):
    """A Vault that is down for long is left alone after five tries."""
    vault.faults = [(502, b"")]
    fails(lambda: of(vault, tmp_path, timeout_s=30).wrap(bytes(32), b"log"))
    assert len(vault.seen) == 5


def test_an_answer_without_an_end(vault, tmp_path):
    """It is not read to its end."""
    vault.faults = [(200, b" " * 3_000_000)]
    assert "more than a Vault would" in fails(lambda: of(vault, tmp_path).wrap(bytes(32), b"log"))


def test_certificates_that_are_none(vault, tmp_path):
    """Told at the start, with the file."""
    (tmp_path / "ca.pem").write_text("no certificate")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(
            ConfigError, match=rf"ca_file .*{name} cannot be used .*: name a file of certificates"
        ):
            of(vault, tmp_path, ca_file=name)


# What follows asks OpenBao itself.


def real(bao, folder, name="audit", **more):
    (folder / "root").write_text(openbao.ROOT)
    usual = {"ca_file": bao.ca_file, "timeout_s": 30}
    if "role_id" not in more:
        usual["token"] = Secret(file="root")
    return opened(folder, KeySettings(vault=bao.address, name=name, **{**usual, **more}))


def role(bao, folder):
    role_id = bao("GET", "auth/approle/role/feed/role-id")["data"]["role_id"]
    secret_id = bao("POST", "auth/approle/role/feed/secret-id")["data"]["secret_id"]
    return approle(folder, role_id, secret_id)


def test_the_policy_of_the_page_suffices(bao, tmp_path):
    """An AppRole that may encrypt and decrypt, and nothing else; its token revoked in between."""
    key = real(bao, tmp_path, **role(bao, tmp_path))
    wrapped = key.wrap(bytes(32), b"log")
    assert key.unwrap(wrapped, b"log") == bytes(32)
    for accessor in bao("LIST", "auth/token/accessors")["data"]["keys"]:
        found = bao("POST", "auth/token/lookup-accessor", accessor=accessor)["data"]
        if found["path"] == "auth/approle/login":
            bao("POST", "auth/token/revoke-accessor", accessor=accessor)
    assert key.unwrap(wrapped, b"log") == bytes(32)


def test_a_key_that_is_not_there_is_not_made(bao, tmp_path):
    """By the page's policy: the engine would make it for whoever may create."""
    key = real(bao, tmp_path, name="misspelt", **role(bao, tmp_path))
    assert "or there is no such key" in fails(lambda: key.wrap(bytes(32), b"log"))
    wrapped = real(bao, tmp_path).wrap(bytes(32), b"log")
    assert "create or restore the key" in fails(lambda: key.unwrap(wrapped, b"log"))
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        bao("GET", "transit/keys/misspelt")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"name": "derived"}, "made without derived=true"),
        ({"name": "rsa"}, "type aes256-gcm96"),
        ({"mount": "transit2"}, "name the mount of the transit engine"),
        ({"namespace": "nowhere"}, "and the namespace if there is one"),
    ],
)
def test_a_key_that_cannot_do_it(bao, tmp_path, more, says):
    """Each with its remedy."""
    assert says in fails(lambda: real(bao, tmp_path, **more).wrap(bytes(32), b"log"))


def test_a_token_that_it_does_not_know(bao, tmp_path):
    """Denied, which is not the same as another key."""
    wrapped = real(bao, tmp_path).wrap(bytes(32), b"log")
    (tmp_path / "other").write_text("s.of-somebody-else")
    key = real(bao, tmp_path, token=Secret(file="other"))
    assert "renew the token, or grant it" in fails(lambda: key.unwrap(wrapped, b"log"))


def test_a_key_that_is_rotated_in_the_vault(bao, tmp_path):
    """What older versions wrapped is unwrapped as before, until the key is told to forget them."""
    bao("POST", "transit/keys/turning")
    key = real(bao, tmp_path, name="turning")
    old = key.wrap(bytes(32), b"log")
    bao("POST", "transit/keys/turning/rotate")
    new = key.wrap(bytes(32), b"log")
    assert new.startswith(b"vault:v2:")
    assert key.unwrap(old, b"log") == key.unwrap(new, b"log") == bytes(32)
    assert key.unwrap(old.replace(b":v1:", b":v2:"), b"log") is None
    assert key.unwrap(old.replace(b":v1:", b":v0:"), b"log") is None
    bao("POST", "transit/keys/turning/config", min_decryption_version=2)
    assert "lower the key's min_decryption_version" in fails(lambda: key.unwrap(old, b"log"))


def test_a_certificate_of_nobody_known(bao, tmp_path):
    """Without its CA the Vault is not trusted, and gets no token."""
    said = fails(lambda: real(bao, tmp_path, ca_file=None).wrap(bytes(32), b"log"))
    assert "cannot be asked" in said
    assert "trusts it" in said


def test_the_command_line_names_the_same_key(bao, tmp_path, monkeypatch):
    """By the URL of the key, and the variables of Vault's own command line."""
    wrapped = real(bao, tmp_path).wrap(bytes(32), b"log")
    monkeypatch.setenv("VAULT_TOKEN", openbao.ROOT)
    monkeypatch.setenv("VAULT_CACERT", bao.ca_file)
    monkeypatch.delenv("VAULT_NAMESPACE", raising=False)
    key = opened(tmp_path, parse_key(f"vault:{bao.address}/v1/transit/keys/audit"))
    assert key.unwrap(wrapped, b"log") == bytes(32)
    assert key.key_id == "vault:transit/audit"


def test_a_sealed_vault(bao, tmp_path):
    """Told as such, and not asked again and again."""
    with openbao.serve(tmp_path) as another:
        key = real(another, tmp_path)
        wrapped = key.wrap(bytes(32), b"log")
        another("PUT", "sys/seal")
        assert "is sealed: unseal it" in fails(lambda: key.unwrap(wrapped, b"log"))
