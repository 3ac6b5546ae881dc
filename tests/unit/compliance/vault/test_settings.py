"""Where a key may be: five forms, no mixture, and in no message what may be a secret."""

import json

import msgspec
import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail.errors import ConfigError
from ticktrail.plugin import Secret
from ticktrail_compliance.vault.settings import KeySettings, parse_key

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
VAULT = 'vault = "https://vault.example:8200", name = "audit"'
TOKEN = 'token = { env = "VAULT_TOKEN" }'
FEED = """\
[feed]
name = "x"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]

[providers.synthetic]

[compliance]
key = """
LINE = FEED.count("\n") + 1


def check(tmp_path, key, *options):
    path = tmp_path / "feed.toml"
    path.write_text(FEED + key + "\n")
    return CliRunner().invoke(program, ["check", *options, str(path)])


@pytest.mark.parametrize(
    "key",
    [
        '{ file = "audit.key" }',
        '{ env = "AUDIT_KEY" }',
        '{ keyring = "ticktrail/audit" }',
        f"{{ {VAULT}, {TOKEN} }}",
        f'{{ {VAULT}, {TOKEN}, mount = "keys/transit", namespace = "desk/eu/", ca_file = "ca.pem", timeout_s = 5 }}',
        f'{{ {VAULT}, role_id = {{ file = "role" }}, secret_id = {{ keyring = "vault/secret" }} }}',
        f'{{ vault = "http://127.0.0.1:8200", name = "audit", {TOKEN} }}',
        f'{{ aws_kms = "{ARN}" }}',
        '{ aws_kms = "alias/audit", region = "eu-central-1", endpoint_url = "https://kms.example", timeout_s = 30 }',
    ],
)
def test_each_form(tmp_path, key):
    """Is taken, and shown as it was written: references, and nothing that is not said."""
    done = check(tmp_path, key, "--json")
    assert done.exit_code == 0, done.output
    shown = json.loads(done.stdout)["observers"]["compliance"]["key"]
    assert shown == msgspec.toml.decode(f"key = {key}")["key"]


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("{}", "[compliance.key]: a key is one of { file = "),
        (
            '{ file = "a", env = "A" }',
            "env: stands beside file, and a key is in one place; write one of the two",
        ),
        (f'{{ file = "a", {VAULT}, {TOKEN} }}', "vault: stands beside file"),
        (f'{{ {VAULT}, {TOKEN}, aws_kms = "{ARN}" }}', "aws_kms: stands beside vault"),
        (
            '{ file = "a", mount = "transit" }',
            "mount: belongs to vault = …, and the key is in file = …; leave it out",
        ),
        ('{ env = "A", timeout_s = 1 }', "timeout_s: belongs to aws_kms = … or vault = …"),
        (f"{{ {VAULT}, {TOKEN}, region = 'x' }}", "region: belongs to aws_kms = …"),
        (
            f'{{ vault = "https://vault.example", {TOKEN} }}',
            'vault: needs the key\'s name beside it; add name = "…"',
        ),
        (f"{{ {VAULT} }}", 'vault: needs one way to log in; write token = { env = "VAULT_TOKEN" }, or both'),
        (
            f'{{ {VAULT}, {TOKEN}, role_id = {{ file = "r" }}, secret_id = {{ file = "s" }} }}',
            "vault: needs one way",
        ),
        (
            f'{{ {VAULT}, role_id = {{ file = "r" }} }}',
            "[compliance.key.role_id]: is half an AppRole; add secret_id = { … }",
        ),
        (
            f'{{ vault = "http://vault.example:8200", name = "k", {TOKEN} }}',
            "vault: http://vault.example would send plain text over a network: write https://vault.example",
        ),
        (
            f'{{ vault = "https://me:hunter2@vault.example", name = "k", {TOKEN} }}',
            "must not hold a user name",
        ),
        (
            f'{{ vault = "https://vault.example/?a=hunter2", name = "k", {TOKEN} }}',
            "vault: is an address alone",
        ),
        (f'{{ {VAULT}, token = "hunter2" }}', "[compliance.key] token: stands in plain text"),
        (
            f'{{ {VAULT}, token = {{ env = "hunter-2" }} }}',
            "[compliance.key.token] env: is no name of an environment",
        ),
        (f'{{ vault = "https://v.example", name = "../sys", {TOKEN} }}', "[compliance.key] name: "),
        (f'{{ {VAULT}, {TOKEN}, mount = "../sys" }}', "[compliance.key] mount: "),
        ('{ aws_kms = "arn:aws:s3:::hunter2" }', "aws_kms: is no ARN of a key"),
        (
            f'{{ aws_kms = "{ARN}", region = "eu-west-1" }}',
            "region: is not the ARN's, eu-central-1; leave it out",
        ),
        (
            f'{{ aws_kms = "{ARN}", endpoint_url = "http://kms.example" }}',
            "endpoint_url: http://kms.example would",
        ),
        (
            f'{{ aws_kms = "alias/{"a" * 200}" }}',
            "[compliance.key] aws_kms: expected a text in quotes of length <= 112",
        ),
        ('"hunter2"', "[compliance] key: stands in plain text"),
        ("{ fil = 'a' }", "[compliance.key] fil: unknown key; did you mean file?"),
        ("{ file = 5 }", "[compliance.key] file: expected a text in quotes"),
    ],
)
def test_what_is_no_form(tmp_path, key, says):
    """`ticktrail check` tells file, line, key and remedy, one fault a fault, and repeats no secret."""
    done = check(tmp_path, key)
    assert done.exit_code == 2, done.output
    (problem,) = [line for line in done.output.splitlines() if "feed.toml:" in line]
    assert f"feed.toml:{LINE}: [compliance" in problem
    spoken = problem.replace("[compliance.key] ", "") if not says.startswith("[") else problem
    assert says in spoken
    assert "hunter" not in done.output.replace(str(tmp_path), "")  # which is named after the test


def test_two_faults_are_told(tmp_path):
    """Of what is left without the first."""
    done = check(tmp_path, f'{{ {VAULT}, {TOKEN}, region = "x", endpoint_url = "https://a.example" }}')
    assert "region: belongs to" in done.output
    assert "endpoint_url: belongs to" in done.output


def test_the_schema_has_every_form():
    """For editors: each key of each form, references as such, and nothing else."""
    schema = json.loads(CliRunner().invoke(program, ["schema"]).stdout)
    ref = schema["properties"]["compliance"]["properties"]["key"]["$ref"].rpartition("/")[2]
    key = schema["$defs"][ref]
    assert set(key["properties"]) == {field.name for field in msgspec.structs.fields(KeySettings)}
    assert key["additionalProperties"] is False
    assert {"$ref": "#/$defs/Secret"} in key["properties"]["token"]["anyOf"]
    assert {"file", "env", "keyring"} == set(schema["$defs"]["Secret"]["properties"])


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("file:/x/audit.key", KeySettings(file="/x/audit.key")),
        ("file:a:b", KeySettings(file="a:b")),
        ("env:AUDIT_KEY", KeySettings(env="AUDIT_KEY")),
        ("keyring:ticktrail/audit", KeySettings(keyring="ticktrail/audit")),
        (f"aws-kms:{ARN}", KeySettings(aws_kms=ARN)),
        ("aws-kms:alias/audit", KeySettings(aws_kms="alias/audit")),
        (
            "vault:https://vault.example:8200/v1/transit/keys/audit",
            KeySettings(
                vault="https://vault.example:8200",
                mount="transit",
                name="audit",
                token=Secret(env="VAULT_TOKEN"),
            ),
        ),
        (
            "vault:https://proxy.example/vault/v1/desk/keys/keys/audit",
            KeySettings(
                vault="https://proxy.example/vault",
                mount="desk/keys",
                name="audit",
                token=Secret(env="VAULT_TOKEN"),
            ),
        ),
    ],
)
def test_the_forms_of_a_command_line(text, settings, monkeypatch):
    """The same keys, in one word."""
    monkeypatch.delenv("VAULT_NAMESPACE", raising=False)
    monkeypatch.delenv("VAULT_CACERT", raising=False)
    assert parse_key(text) == settings


def test_vault_s_own_variables_count(monkeypatch):
    """As they do for its command line."""
    monkeypatch.setenv("VAULT_NAMESPACE", "desk")
    monkeypatch.setenv("VAULT_CACERT", "/etc/vault/ca.pem")
    found = parse_key("vault:https://vault.example:8200/v1/transit/keys/audit")
    assert (found.namespace, found.ca_file) == ("desk", "/etc/vault/ca.pem")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        "file:",
        "env:",
        "env:hunter-2",
        "base64:hunter2",
        "vault:",
        "vault:https://vault.example:8200/hunter2",
        "vault:https://me:hunter2@vault.example/v1/transit/keys/audit",
        "vault:http://vault.example/v1/transit/keys/audit",
        "vault:https://vault.example/v1/transit/keys/audit?hunter2",
        "vault:https://vault.example/v1/../keys/audit",
        f"vault:https://vault.example/v1/transit/keys/{'a' * 99}",
        "aws-kms:",
        "aws-kms:arn:aws:s3:::hunter2",
        "aws-kms:hunter 2",
    ],
)
def test_what_is_no_form_of_a_command_line(text):
    """Told by the option's name, without what was written, which may be the key."""
    with pytest.raises(ConfigError, match=r"^--to ") as caught:
        parse_key(text, "--to")
    assert "hunter" not in f"{caught.value} {caught.value.__cause__!r}"


def test_a_service_s_key_has_no_text(tmp_path):
    """Whoever asks for it is told so."""
    with pytest.raises(ConfigError, match="never gives it away"):
        KeySettings(aws_kms=ARN).resolve(tmp_path)
