import tomllib

from hypothesis import given
from hypothesis import strategies as st

from ticktrail._settings.positions import find_positions
from unit.settings.toml import toml

SAMPLE = b"""\
top = 1 # a comment
a.b = 2
[x."q.r"]
'k 1' = { p = 2, q.z = [1, # one
   { u = 3 }] }
[[s]]
n = 1
[[s]]
n = 2
[s.t]
v = 'x'
[[s.u]]
w = 1
"""


def test_every_spelling_of_a_key_is_found():
    """Dotted, quoted and inline keys, arrays and arrays of tables: each has the line and column of its own name."""
    found = find_positions(SAMPLE)
    assert found["top",] == (1, 1)
    assert found["a", "b"] == (2, 3)
    assert found["x", "q.r"] == (3, 4)
    assert found["x", "q.r", "k 1"] == (4, 1)
    assert found["x", "q.r", "k 1", "p"] == (4, 11)
    assert found["x", "q.r", "k 1", "q", "z", 1, "u"] == (5, 6)
    assert found["s", 0, "n"] == (7, 1)
    assert found["s", 1, "n"] == (9, 1)
    assert found["s", 1, "t", "v"] == (11, 1)
    assert found["s", 1, "u", 0, "w"] == (13, 1)


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=0, max_size=8)
VALUES = st.recursive(
    st.one_of(st.integers(-9, 9), st.booleans(), st.text(st.sampled_from("ab #\"='[]{}\n"), max_size=6)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)


def paths(value: object, at: tuple = ()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*at, key)
        yield from paths(item, (*at, key))


@given(
    st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=3), max_size=3),
    st.dictionaries(KEYS, VALUES, max_size=3),
)
def test_every_path_of_a_file_has_a_place(tables, rest):
    """Whatever tomllib reads, each key and element has a position, and a table's keys stand on their own lines."""
    lines, expected = [], {}
    for key, value in rest.items():
        if key not in tables:
            lines.append(f"{toml(key)} = {toml(value)}")
            expected[(key,)] = len(lines)
    for name, table in tables.items():
        lines.append(f"[{toml(name)}]")
        expected[(name,)] = len(lines)
        for key, value in table.items():
            lines.append(f"{toml(key)} = {toml(value)}")
            expected[(name, key)] = len(lines)
    text = "\n".join(lines)
    found = find_positions(text.encode())
    assert set(found) == set(paths(tomllib.loads(text)))
    assert {path: found[path][0] for path in expected} == expected
