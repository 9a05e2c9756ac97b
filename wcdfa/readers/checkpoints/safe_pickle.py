"""Reads pickles safely: stand-ins replace every class and function that they name, so no code runs, and memory and time are bounded."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, TypeAlias, cast

from wcdfa.readers.limits import Deadline, Room

TEXT = 4  # bytes that a byte of the pickle itself may take
COSTS = {  # bytes that an instruction may take
    16: pickle.APPENDS + pickle.SETITEMS + pickle.TUPLE + pickle.APPEND + pickle.SETITEM + pickle.BUILD + pickle.POP + pickle.POP_MARK,
    40: pickle.NONE + pickle.NEWTRUE + pickle.NEWFALSE + pickle.BININT + pickle.BININT1 + pickle.BININT2 + pickle.BINFLOAT
    + pickle.BINGET + pickle.LONG_BINGET + pickle.DUP,
    320: pickle.REDUCE + pickle.NEWOBJ + pickle.NEWOBJ_EX + pickle.OBJ + pickle.INST + pickle.BINPERSID + pickle.GLOBAL
    + pickle.STACK_GLOBAL,
}  # fmt: skip
OTHERWISE = 112
ITEM = 128  # bytes that an argument may take, or an item of a dict
LONG = 1000  # characters in the name of a class, or in a part of a key
WIDE = 8  # parts of a key
LOOK = 64  # items between two looks at the clock
OFTEN = 1 << 20  # bytes that instructions take between two looks at the clock

Instruction: TypeAlias = Callable[..., None]


class Opaque:
    """Stands in for a class or function, and for what it makes. Calling it does nothing.

    >>> Opaque("os.system")("rm").what
    'os.system'
    """

    __slots__ = ("what",)

    def __init__(self, what: str) -> None:
        self.what = what

    def __call__(self, *_: object, **__: object) -> Opaque:
        """Stand in for the object that the class makes."""
        return Opaque(self.what)


def is_plain(key: object) -> bool:
    """Whether a key of a dict is a number, text, bytes, None, or a tuple of a few of those.

    The hash of a long or nested tuple, or of a long integer, is computed again each time, which may take forever.

    >>> is_plain("layer.0"), is_plain(("layer", 0)), is_plain(2**64), is_plain((("layer", 0),))
    (True, True, False, False)
    """
    if isinstance(key, str):
        return True
    return (len(key) <= WIDE and all(map(_is_short, key))) if isinstance(key, tuple) else _is_short(key)


def _is_short(key: object) -> bool:
    if isinstance(key, (str, bytes)):
        return len(key) <= LONG
    if isinstance(key, int):  # includes bool
        return -(1 << 63) <= key < 1 << 63
    return key is None or isinstance(key, (float, complex))


class SafeUnpickler(pickle._Unpickler):
    """Reads a pickle. Lists, tuples and dicts are real; everything else is an `Opaque`, unless `find_class` gives something of its own.

    Raises
    ------
    LogError
        If the objects would take more memory than the room has, or reading them takes too long.
    Exception
        Of any kind if the pickle is damaged.
    """

    dispatch: ClassVar[dict[int, Instruction]] = {}
    if TYPE_CHECKING:
        stack: list[object]
        append: Callable[[object], None]
        pop_mark: Callable[[], list[object]]
        read: Callable[[int], bytes]

    def __init__(self, content: bytes, room: Room) -> None:
        super().__init__(io.BytesIO(content))
        self.room, self._deadline = room, Deadline(room.size)
        room.take(TEXT * len(content), "its pickle")
        self.next_look = room.taken

    def look(self) -> None:
        """Raise an error if the instructions so far take too much memory, or too long."""
        self.room.take(0, "its pickle")
        self._deadline.check()
        self.next_look = min(self.room.taken + OFTEN, self.room.most)

    def find_class(self, module: str, name: str) -> object:
        """Make a stand-in. Only ordered dicts are real."""
        if len(module) + len(name) > LONG:
            msg = f"its pickle names a class in {len(module) + len(name):,} characters"
            raise ValueError(msg)
        if (module, name) in (("collections", "OrderedDict"), ("collections", "defaultdict")):
            return self._ordered_dict if name == "OrderedDict" else _empty
        return Opaque(f"{module}.{name}")

    def persistent_load(self, pid: object) -> object:
        """Make a stand-in."""
        return Opaque("persistent object")

    def _set_items(self) -> None:
        items = self.pop_mark()
        self._set(items)

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    def _dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._set(items)

    def _set(self, items: list[object]) -> None:
        target = self.stack[-1]
        if isinstance(target, dict):
            target.update(self._pairs(zip(items[::2], items[1::2], strict=True)))

    def _append(self) -> None:
        self._extend([self.stack.pop()])

    def _appends(self) -> None:
        self._extend(self.pop_mark())

    def _extend(self, items: list[object]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(items)

    def _new(self) -> None:
        arguments, made = self.stack.pop(), self.stack.pop()
        self.append(self.called(made, arguments))

    def _new_with_names(self) -> None:
        self.stack.pop()
        self._new()

    def _instantiate(self, made: object, arguments: Iterable[object]) -> None:
        self.append(self.called(made, tuple(arguments)))

    def called(self, made: object, arguments: object) -> object:
        """Call a stand-in, or a function of this package that `find_class` gave."""
        if not callable(made) or not isinstance(arguments, tuple):
            msg = f"its pickle calls {type(made).__name__} with {type(arguments).__name__}"
            raise ValueError(msg)  # noqa: TRY004 - the type is wrong in a file, not in an argument
        self.room.take(ITEM * len(arguments), "its pickle")  # they may be the same in many calls
        return made(*arguments)

    def _ordered_dict(self, items: object = ()) -> OrderedDict[object, object]:
        """An ordered dict; Python 2 gave it its items as a list."""
        given = items if isinstance(items, (list, tuple)) else ()
        self.room.take(ITEM * len(given), "its pickle")
        return OrderedDict(self._pairs(given))

    def _pairs(self, items: Iterable[object]) -> Iterator[tuple[object, object]]:
        """The pairs of key and value. A key that may take forever to hash is replaced."""
        for i, pair in enumerate(items):
            if not i % LOOK:  # many keys may have the same hash, by design
                self._deadline.check()
            key, value = cast("tuple[object, object]", pair)  # any other content raises an error, which is that of the file
            yield key if is_plain(key) or isinstance(key, Opaque) else Opaque(type(key).__name__), value

    def _no_set(self) -> None:
        self.append(None)

    def _no_items(self) -> None:
        self.pop_mark()

    def _frozen_set(self) -> None:
        self.pop_mark()
        self.append(None)

    def _build(self) -> None:
        self.stack.pop()  # no object has a state

    def _bytes(self) -> None:
        self.append(self.read(int.from_bytes(self.read(8), "little")))

    def _refused(self) -> None:
        msg = "its pickle uses an instruction that files of torch.save never have"
        raise ValueError(msg)


def _empty(*_: object) -> OrderedDict[object, object]:
    return OrderedDict()


def _charged(instruction: Instruction, cost: int) -> Instruction:
    """The instruction, which first counts the memory that it may take."""

    def charged(self: SafeUnpickler) -> None:
        self.room.taken += cost
        if self.room.taken > self.next_look:
            self.look()
        instruction(self)

    return charged


def _cost(code: int) -> int:
    return next((cost for cost, codes in COSTS.items() if code in codes), OTHERWISE)


OWN: dict[bytes, Instruction] = {
    pickle.SETITEMS: SafeUnpickler._set_items,
    pickle.SETITEM: SafeUnpickler._set_item,
    pickle.DICT: SafeUnpickler._dict,
    pickle.APPEND: SafeUnpickler._append,
    pickle.APPENDS: SafeUnpickler._appends,
    pickle.REDUCE: SafeUnpickler._new,
    pickle.NEWOBJ: SafeUnpickler._new,
    pickle.NEWOBJ_EX: SafeUnpickler._new_with_names,
    pickle.EMPTY_SET: SafeUnpickler._no_set,
    pickle.ADDITEMS: SafeUnpickler._no_items,
    pickle.FROZENSET: SafeUnpickler._frozen_set,
    pickle.BUILD: SafeUnpickler._build,
    pickle.BYTEARRAY8: SafeUnpickler._bytes,
}
REFUSED = (pickle.EXT1, pickle.EXT2, pickle.EXT4, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER)
KNOWN: dict[int, Instruction] = {**pickle._Unpickler.dispatch, **{code[0]: own for code, own in OWN.items()}}
KNOWN |= dict.fromkeys((code[0] for code in REFUSED), SafeUnpickler._refused)
SafeUnpickler.dispatch.update({code: _charged(each, _cost(code)) for code, each in KNOWN.items() if code != pickle.STOP[0]})
SafeUnpickler.dispatch[pickle.STOP[0]] = pickle._Unpickler.dispatch[pickle.STOP[0]]
