"""Check a plugin's module against the hooks, and ask it what it declares.

Owns: the texts of what can be wrong with a plugin that was imported.
Never: lets a foreign exception out: it becomes a `PluginError` that names the plugin and the hook.
"""

from __future__ import annotations

import pkgutil
import traceback
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from types import FunctionType
from typing import TypeVar

import msgspec
import pluggy

import ticktrail
from ticktrail import hookspecs
from ticktrail.errors import PluginError
from ticktrail.text import one_line

__all__ = [
    "PluginFault",
    "check_api",
    "check_spec",
    "declared",
    "import_in_words",
    "in_words",
    "new_manager",
    "place_of",
    "register",
]

T = TypeVar("T")

_STDLIB = Path(traceback.__file__).parent
_INSTALLED = frozenset({"site-packages", "dist-packages"})
"""Folders in the standard library's that are none of it."""
_PREFIX = "ticktrail_"
_HOOKS = tuple(name for name in hookspecs.__all__ if name.startswith(_PREFIX))


class PluginFault(PluginError):
    """A plugin is at fault by itself, and without it the others would do.

    Attributes:
        plugin: Its name.
        distribution: Which brings it; empty where that is not known here.
    """

    def __init__(self, message: str, *, plugin: str, distribution: str = "") -> None:
        super().__init__(message)
        self.plugin = plugin
        self.distribution = distribution


def new_manager() -> pluggy.PluginManager:
    """Return a plugin manager that knows the hooks and no plugin."""
    manager = pluggy.PluginManager("ticktrail")
    manager.add_hookspecs(hookspecs)
    return manager


def check_api(plugin: object) -> str | None:
    """Return why the plugin does not fit this ticktrail, or None where it does."""
    speaks = hookspecs.API_VERSION
    said = getattr(plugin, "TICKTRAIL_API", None)
    if type(said) is int and said == speaks:
        return None
    if said is None:
        return f"it does not say for which ticktrail it is made; set TICKTRAIL_API = {speaks} in its module"
    if type(said) is not int:
        return f"its TICKTRAIL_API is no whole number; set TICKTRAIL_API = {speaks} in its module"
    remedy = "install a newer version of it" if said < speaks else "upgrade ticktrail"
    return f"it is made for plugin API {said}, and this ticktrail has {speaks}; {remedy}"


def register(manager: pluggy.PluginManager, name: str, plugin: object) -> None:
    """Take the plugin into the manager.

    Raises:
        PluginFault: It implements a hook that does not exist, does not take part as its functions' names promise,
            or a hook's arguments do not fit.
    """
    for attribute, function in getattr(plugin, "__dict__", {}).items():  # an object with slots has none
        marked = manager.parse_hookimpl_opts(plugin, attribute) is not None
        if marked and attribute not in _HOOKS:
            near = get_close_matches(attribute, _HOOKS, n=1)
            remedy = f"did you mean {near[0]}?" if near else f"the hooks are {', '.join(_HOOKS)}"
            raise _fault(name, f"there is no hook {attribute}; {remedy}")
        own = isinstance(function, FunctionType) and function.__module__ == getattr(plugin, "__name__", None)
        if own and not marked and attribute in _HOOKS:
            raise _fault(name, f"{attribute} would never be called; put @hookimpl above it")
    try:
        manager.register(plugin, name)
        manager.check_pending()
    except pluggy.PluginValidationError as exc:
        said = " ".join(str(exc).split())
        raise _fault(
            name,
            f"a hook does not fit its declaration in ticktrail.hookspecs ({said}); "
            "give it the arguments that stand there",
        ) from exc
    except ValueError as exc:  # the same object has a name already
        other = manager.get_name(plugin)
        raise _fault(
            name, f"it is the very module or object of plugin {other}; name it in one entry point"
        ) from exc


def declared(manager: pluggy.PluginManager, hook: str, kind: type[T]) -> Iterable[tuple[str, T]]:
    """Yield what each plugin declares by a hook, with the plugin's name, in the order of registration.

    Raises:
        PluginFault: The hook raised, or returned something else than `kind`.
    """
    caller: pluggy.HookCaller = getattr(manager.hook, hook)
    order = [name for name, _ in manager.list_name_plugin()]  # whatever `tryfirst` and `trylast` say
    for implementation in sorted(caller.get_hookimpls(), key=lambda one: order.index(one.plugin_name)):
        name = implementation.plugin_name
        for item in _ask(name, hook, implementation.function):
            if not isinstance(item, kind):
                raise _fault(
                    name,
                    f"{hook} returned a {type(item).__name__}; it must return an iterable of {kind.__name__}",
                )
            yield name, item


def check_spec(plugin: str, what: str, name: object, settings: object) -> None:
    """Return if a declaration has a name, and settings or none: nobody looks at the types where somebody makes one.

    Raises:
        PluginFault: It has not.
    """
    if not isinstance(name, str) or not name:
        raise _fault(plugin, f"a {what} has no name; give it one")
    if settings is not None and not (isinstance(settings, type) and issubclass(settings, msgspec.Struct)):
        raise _fault(plugin, f"the settings of {name}, a {what}, are no class of ticktrail.plugin.Settings")


def _ask(name: str, hook: str, function: Callable[[], object]) -> tuple[object, ...]:
    try:
        answer = function()
        return tuple(answer) if isinstance(answer, Iterable) else (answer,)
    except KeyboardInterrupt:  # somebody's Ctrl-C
        raise
    except BaseException as exc:
        raise _fault(name, f"{hook} failed with {in_words(exc)}; mend or remove the plugin") from exc


def _fault(plugin: str, reason: str) -> PluginFault:
    return PluginFault(f"plugin {plugin}: {reason}", plugin=plugin)


def place_of(exc: BaseException) -> str:
    """Return where a stranger's module raised, as ``file.py:12``; empty where that cannot be told."""
    if isinstance(exc, SyntaxError) and isinstance(exc.filename, str) and exc.filename:
        return f"{Path(exc.filename).name}:{exc.lineno}"
    told = ""
    for frame, line in traceback.walk_tb(exc.__traceback__):
        file = frame.f_code.co_filename
        if not file.startswith("<frozen ") and not _is_of_python_or_ours(Path(file)):
            told = f"{Path(file).name}:{line}"
    return told


def _is_of_python_or_ours(file: Path) -> bool:
    """Tell whether a file is the standard library's, where a stranger's mistake may end, or this package's."""
    if file.is_relative_to(Path(__file__).parent) or file.parent.name == "importlib_metadata":
        return True
    return file.is_relative_to(_STDLIB) and not _INSTALLED & {*file.relative_to(_STDLIB).parts}


def import_in_words(exc: BaseException, module: str) -> str:
    """Return why a plugin's import fails, where, and what helps.

    Args:
        exc: What it failed with.
        module: Which its entry point names.
    """
    where = f" at {place}" if (place := place_of(exc)) else ""
    return f"its import fails{where} with {in_words(exc)}; {_remedy_of_import(exc, module)}"


def _remedy_of_import(exc: BaseException, module: str) -> str:
    """Return what to do about a plugin whose import failed."""
    gone = exc.name if isinstance(exc, ModuleNotFoundError) else None
    if gone is None:
        return "mend it, or install another version of it"
    if module == gone or module.startswith(f"{gone}."):
        return (
            f"its entry point names {module}, a module that is not there; mend the entry point, or bring the module "
            "along, and install it again"
        )
    top = gone.partition(".")[0]
    if top == ticktrail.__name__:
        public = [
            one.name for one in pkgutil.iter_modules(ticktrail.__path__) if not one.name.startswith("_")
        ]
        near = get_close_matches(gone.partition(".")[2], public, n=1)
        hint = f"did you mean {top}.{near[0]}?" if near else "mend the import, or upgrade ticktrail"
        return f"ticktrail has no such module; {hint}"
    if top == module.partition(".")[0]:
        return "that is a module of its own; mend the import, or bring the module along"
    return "install what it needs"


def in_words(exc: BaseException) -> str:
    """Return the kind of a stranger's exception and what it says, on one line; it may even fail to say anything."""
    kind = type(exc).__name__
    try:
        said = one_line(" ".join(str(exc).split()))
    except Exception:  # noqa: BLE001 - a stranger's `__str__`
        return kind
    return f"{kind}: {said}"
