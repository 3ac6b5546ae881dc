"""Roles of PostgreSQL: who a session is gives a role, and the database lets each do what it needs and no more."""

import json
import os
import uuid
from contextlib import ExitStack, contextmanager

import pytest
import sqlalchemy
from sqlalchemy.engine import make_url

from ticktrail_compliance.access.identity import identity_at
from ticktrail_compliance.acts import Accessed, AccessRefused, KeysRewrapped, LogExported, LogVerified
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.database import connect
from unit.compliance import logs
from unit.compliance.access.people import ME, Place, policy

WHY = ("--purpose", "a review")
MONTH = ("--class", "journal", "--month", "2023-11")
KINDS = ("operator", "auditor", "keeper", "officer")
DENIED = r"permission denied|must be owner"


@contextmanager
def administered(url):
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def as_role(url, role):
    return make_url(url).set(username=role).render_as_string()


class Roles:
    """A log in PostgreSQL with one login for each role of its policy, each with its rights."""

    def __init__(self, folder, url):
        self.folder, self.url = folder, url
        self.names = {kind: f"ticktrail_{kind}_{uuid.uuid4().hex}" for kind in (*KINDS, "stranger")}
        self.owner = Place(folder / "owner", url)

    def make(self):
        with administered(self.url) as connection:
            for name in self.names.values():
                connection.exec_driver_sql(f"CREATE ROLE {name} LOGIN")
        holders = {kind: {"database_roles": [self.names[kind]], "users": [ME]} for kind in KINDS}
        holders["keeper"].pop("users")  # one user is never on both sides; here the database says who is who
        self.owner.folder.mkdir()
        text = policy(holders, more="[compliance.retention.journal]\nkeep_days = 1\n")
        self.owner.prepare(text, acknowledged=True)
        for kind in KINDS:
            self.owner.run("audit", "grant", self.owner.feed, f"--{kind}", self.names[kind])
        self.owner.run("audit", "grant", self.owner.feed, "--reader", self.names["stranger"])

    def drop(self):
        with administered(self.url) as connection:
            for name in self.names.values():
                connection.exec_driver_sql(f"DROP OWNED BY {name}")
                connection.exec_driver_sql(f"DROP ROLE {name}")

    def place(self, kind):
        """The log, by the login of a role."""
        folder = self.folder / kind
        folder.mkdir(exist_ok=True)
        place = Place(folder, as_role(self.url, self.names[kind]))
        place.feed.write_text(
            f'[compliance]\ndatabase = "{place.database}"\nkey = {{ env = "AUDIT_KEY" }}\npolicy = "policy.toml"\n'
        )
        (folder / "policy.toml").write_text((self.owner.folder / "policy.toml").read_text())
        return place

    @contextmanager
    def session(self, kind):
        with administered(as_role(self.url, self.names[kind])) as connection:
            yield connection


@pytest.fixture
def roles(tmp_path):
    with logs.postgres() as url, ExitStack() as stack:
        found = Roles(tmp_path, url)
        stack.callback(found.drop)
        found.make()
        yield found


def test_to_show_a_user_the_logins_of_the_database_are_asked(roles):
    """A login is looked for by its name; a user of the machine alone holds nothing that logins decide."""
    owner, name = roles.place("officer"), roles.names["keeper"]
    with administered(roles.url) as connection:
        member = roles.names["stranger"]
        connection.exec_driver_sql(f"GRANT {roles.names['auditor']} TO {member}")
    show = ("compliance", "access", "show", owner.feed, "--user")
    told = json.loads(owner.run(*show, name, "--json"))
    assert (told["roles"], told["known_here"], told["database_roles"]) == (["keeper"], False, [name])
    assert told["by_login"] == list(KINDS)
    assert json.loads(owner.run(*show, member, "--json"))["roles"] == ["auditor"]
    shown = owner.run(*show, name)
    assert f"{name} (no user of this machine; roles of the database: {name}) holds keeper" in shown
    assert "by the login at the database, and not by users and groups: operator, auditor, keeper" in shown
    assert "no role of the database) holds no role" in owner.run(*show, "nobody-here")


def test_each_database_role_can_do_what_its_role_may_and_nothing_else(roles):
    """Four logins, eight commands; the log tells of each with the database's name for who it was."""
    new = roles.folder / "new.key"
    commands = {
        "verify": ("operator auditor keeper officer", ["audit", "verify"], WHY),
        "checkpoint": ("operator auditor keeper", ["audit", "checkpoint"], WHY),
        "read": ("auditor officer", ["audit", "show"], WHY),
        "keys_list": ("auditor keeper officer", ["audit", "keys", "list"], WHY),
        "export": (
            "auditor",
            ["audit", "export"],
            ("--format", "jsonl", *WHY),
        ),
        "keys_destroy": ("keeper", ["audit", "keys", "destroy"], (*MONTH, "--yes", *WHY)),
        "policy_adopt": ("officer", ["compliance", "policy", "adopt"], ("--one-person-may-destroy",)),
        "keys_rotate": ("keeper", ["audit", "keys", "rotate"], ("--to", f"file:{new}")),
    }
    before = 0
    for action, (may, command, more) in commands.items():
        for kind in KINDS:
            allowed = kind in may.split()
            place = roles.place(kind)
            out = ("--out", place.folder / "out", "--format", "jsonl") if action == "export" else ()
            place.run(*command, place.feed, *out, *more, status=0 if allowed else 2)
            if action == "keys_rotate" and allowed:
                os.environ["AUDIT_KEY"] = new.read_text().strip()
            (told,) = roles.owner.told()[before:]
            before += 1
            assert isinstance(told, Accessed if allowed else AccessRefused), (action, kind)
            assert (told.action, told.actor.database_user) == (action, roles.names[kind])
    for kind, who in ((KeysRewrapped, ["keeper"]), (LogExported, ["auditor"]), (LogVerified, KINDS)):
        logins = [one.actor.database_user for one in roles.owner.told(kind)]
        assert logins == [roles.names[one] for one in who], kind
    assert roles.owner.verified().sound


def test_who_may_only_read_the_tables_is_refused_with_the_grant_that_is_missing(roles):
    """Their refusal cannot be recorded, so they see nothing; nor does an auditor without the grant."""
    done = roles.place("stranger").run("audit", "show", roles.place("stranger").feed, *WHY, status=2)
    assert "the log cannot be written" in done
    assert "`--auditor ROLE`" in done
    assert "leg_up" not in done
    roles.owner.run("audit", "grant", roles.owner.feed, "--reader", roles.names["auditor"])
    place = roles.place("auditor")
    assert "leg_up" not in place.run("audit", "show", place.feed, *WHY, status=2)
    roles.owner.run("audit", "grant", roles.owner.feed, "--auditor", roles.names["auditor"])
    assert "leg_up" in place.run("audit", "show", place.feed, *WHY)


def test_a_feed_records_under_the_operators_login(roles):
    """It needs no role of the policy, and the grant of an operator is enough."""
    roles.place("operator").record([logs.up(7), *(logs.up(number) for number in range(260))])
    assert roles.owner.verified().sound


FORBIDDEN = {
    "operator": ["UPDATE audit_entries SET body = NULL", "UPDATE audit_keys SET wrapped = NULL"],
    "auditor": [
        "UPDATE audit_entries SET body = NULL",
        "UPDATE audit_keys SET wrapped = NULL",
        "INSERT INTO audit_spools VALUES ('x', 1, 1)",
    ],
    "keeper": [
        "UPDATE audit_entries SET digest = digest",
        "UPDATE audit_entries SET summary_sha256 = summary_sha256, body = NULL",
        "UPDATE audit_keys SET month = month",
        "INSERT INTO audit_spools VALUES ('x', 1, 1)",
    ],
    "officer": ["UPDATE audit_entries SET body = NULL", "UPDATE audit_keys SET wrapped = NULL"],
}
OF_ALL = [
    f"{verb} {table}"
    for table in (
        "audit_log",
        "audit_entries",
        "audit_tiles",
        "audit_checkpoints",
        "audit_head",
        "audit_keys",
    )
    for verb in ("DELETE FROM", "TRUNCATE", "DROP TABLE")
] + [
    "UPDATE audit_log SET layout = layout",
    "UPDATE audit_tiles SET root = root",
    "UPDATE audit_checkpoints SET note = note",
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_database_refuses_what_a_role_has_no_need_of(roles, kind):
    """Past ticktrail, by SQL alone."""
    for statement in (*OF_ALL, *FORBIDDEN[kind]):
        with pytest.raises(sqlalchemy.exc.ProgrammingError, match=DENIED), roles.session(kind) as connection:
            connection.exec_driver_sql(statement)
    assert roles.owner.verified().sound


def test_the_keeper_can_empty_contents_and_keys_by_the_database_s_word(roles):
    """What the sweep of what is due does: two columns of entries, two of keys."""
    with roles.session("keeper") as connection:
        for statement in (
            "UPDATE audit_entries SET summary = NULL, body = NULL WHERE seq = 0",
            "UPDATE audit_keys SET wrapped = NULL, kek = kek WHERE key_id = -1",
        ):
            connection.exec_driver_sql(statement)


def test_a_login_on_both_sides_is_not_granted(roles):
    """An officer who can become a keeper has a keeper's rights by that; it is named, and nothing is granted."""
    keeper, officer = roles.names["keeper"], roles.names["officer"]
    with administered(roles.url) as connection:
        connection.exec_driver_sql(f"GRANT {keeper} TO {officer}")
    done = roles.owner.run("audit", "grant", roles.owner.feed, "--officer", officer, status=2)
    assert f"REVOKE {keeper} FROM {officer}" in done
    place = roles.place("officer")
    (place.folder / "policy.toml").write_text(policy({"officer": {"users": [ME]}}))
    assert "holds keeper and officer" in place.run(
        "compliance", "policy", "adopt", place.feed, "--one-person-may-destroy", status=2
    )
    twice = roles.owner.run(
        "audit", "grant", roles.owner.feed, "--keeper", keeper, "--officer", keeper, status=2
    )
    assert f"--keeper and --officer both name {keeper}" in twice


def test_a_session_is_what_it_was_granted(roles):
    """By itself, by membership of any depth, after SET ROLE as well; a superuser is not a member of everything."""
    names = roles.names
    with administered(roles.url) as connection:
        connection.exec_driver_sql(f"GRANT {names['auditor']} TO {names['operator']}")
        connection.exec_driver_sql(f"GRANT {names['operator']} TO {names['stranger']}")

    def known(url):
        database = connect(make_url(url), create=False)
        try:
            who = identity_at(database)
        finally:
            database.close()
        return who.actor.database_user, who.database_roles

    user, found = known(as_role(roles.url, names["stranger"]))
    assert user == names["stranger"]
    assert found == {names["stranger"], names["operator"], names["auditor"]}
    url = make_url(as_role(roles.url, names["stranger"])).set(
        query={"options": f"-c role={names['auditor']}"}
    )
    user, found = known(url.render_as_string())
    assert user == names["stranger"]
    assert names["operator"] in found
    user, found = known(roles.url)
    assert user == "postgres"
    assert found.isdisjoint(names.values())


def test_the_machine_s_word_gives_no_role_that_the_database_knows(roles):
    """The same user of the machine is named beside the database roles; the session alone counts."""
    done = roles.owner.run("audit", "show", roles.owner.feed, *WHY, status=2)
    assert f"{ME} (database role postgres) holds no role" in done


def test_without_the_keys_of_the_policy_the_owner_of_the_tables_alone_reads(roles, monkeypatch):
    """Who names a key store of their own that lacks them is not free of the policy."""
    logs.remove(roles.folder, schema.keys, schema.keys.c.entry_class == "retention", database=roles.url)
    for kind in ("auditor", "keeper", "stranger"):
        place = roles.place(kind)
        done = place.run("audit", "show", place.feed, *WHY, status=2)
        assert "the owner of its tables, or a superuser" in done
        assert "leg_up" not in done
    monkeypatch.setenv("TICKTRAIL_WITHOUT_POLICY", "1")
    assert "leg_up" in roles.owner.run("audit", "show", roles.owner.feed, status=1)
