"""The hostile cards of ci/hostile: which cards there are, how a proof is broken, and what else is wrong with a card.

Each hostile card carries at least one change that breaks its proof, so that no validator may let it ride. The other changes may do
whatever they like, except to touch the object that carries the break: they could repair it, or remove it.
"""

import re
from dataclasses import dataclass, field

TEMPLATES = {"6F", "A5", "BF0C", "61", "70", "77"}
RSA_ONLY = {"9F32", "9F47", "92", "9F48"}
# The most bytes of a response without its status word, and with it.
LONGEST, LONGEST_WITH_STATUS = 256, 258
# Of that, so much stays free for longer length fields and for a longer 9F10.
SPARE = 36
STATUS_WORDS = ["6300", "6283", "6400", "6581", "6700", "6882", "6982", "6985", "6986", "6A80", "6A82", "6A83", "6B00", "6C00",
                "6CFF", "6D00", "6E00", "6F00", "61FF", "9001", "9100", "0000", "FFFF"]
# Indefinite, too long, not the shortest, and lengths whose bytes are missing.
LENGTHS = ["80", "81", "82", "83", "84", "FF", "00", "01", "7F", "81FF", "8100", "820001", "82FFFF", "83000001", "83FFFFFF",
           "84FFFFFFFF", "8800000000000000FF"]
# Nested templates, empty objects, tags without an end, a length without a value, padding.
NASTY = ["70" "0A70087006700470027000", "4100420043004400450046004700480049004A004B004C00", "9F8080808001", "DF", "1F81", "5A",
         "00000000000000", "FFFFFFFF", "7080000000", "61009F3700", "9F370412345678", "9F0206000000000001", "5F2A020840",
         "57005A005F2400", "8F01E0", "90009F46009F4B00", "9F4B0100", "BF0C00BF0C00", "5F340199"]
LOCATORS = ["", "08", "0801FF01", "08010101080101010801010108010101", "0801010008020200", "00010100", "F8010100", "09010101", "08000000",
            "08020101", "08010105", "F0FEFF00", "08011010100110101801101020011010", "0801010110010300" * 4]
LISTS = ["", "9F66", "9F667F9F377F", "9F66FF", "9F37049F37049F37049F3704", "DF8080808001", "9F3700", "95FF9AFF", "83FF", "9F3781FF04"]
LISTED = {"94": LOCATORS, "9F38": LISTS, "8C": LISTS, "9F49": LISTS}


@dataclass
class Thing:
    """A data object that a card sends."""

    place: str
    tag: str
    value: bytes
    depth: int
    signed: bool

    @property
    def name(self):
        return f"{self.place}/{self.tag}"


@dataclass
class Card:
    """What is known of a card image after an honest tap: what it sent, in which order."""

    image: str
    exchanges: list = field(default_factory=list)
    things: list = field(default_factory=list)
    # The longest response of each place that is known from any profile, without its status word.
    sizes: dict = field(default_factory=dict)

    @property
    def tags(self):
        return {thing.tag for thing in self.things}

    @property
    def several(self):
        """Whether it has several applications or keys, so that not every response is known from one tap."""
        return self.image in {"ppse-two-applications", "long-names", "unionpay-credit-rsa-sm2", "phone-token"}

    @property
    def sm2(self):
        return any(thing.tag == "90" and len(thing.value) == 142 for thing in self.things)

    def one(self, tag):
        return next((thing for thing in self.things if thing.tag == tag), None)

    def size(self, place):
        if place == "gpo" and (self.several or self.image == "unionpay-credit-standard"):
            # Another application, key or flow makes it longer than it was at the tap that is known.
            return LONGEST
        return self.sizes.get(place, 0)


# ---- What an honest tap shows ----

def elements(data):
    """The data objects of bytes that are right: tag and value."""
    at = 0
    while at < len(data):
        start = at
        at += 1
        if data[start] & 0x1F == 0x1F:
            while data[at] & 0x80:
                at += 1
            at += 1
        tag, length = data[start:at].hex().upper(), data[at]
        at += 1
        if length > 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(data[at:at + count], "big"), at + count
        yield tag, data[at:at + length]
        at += length


def collect(card, place, data, signed, depth=0):
    for tag, value in elements(data):
        card.things.append(Thing(place, tag, value, depth, signed))
        if tag in TEMPLATES:
            collect(card, place, value, signed, depth + 1)


NAMES = {0xA8: "gpo", 0x88: "internal-authenticate", 0xAE: "generate-ac", 0xCA: "get-data"}


def learn(card, exchanges):
    """Takes in the commands and responses of one honest tap, as hexadecimal digits."""
    counts, signed = {}, set()
    for command, response in exchanges:
        command, response = bytes.fromhex(command), bytes.fromhex(response)
        if command[1] == 0xA4:
            place = "ppse" if command[5:-1].startswith(b"2PAY") else "fci"
            word = "select ppse" if place == "ppse" else "select aid"
        elif command[1] == 0xB2:
            place, word = f"record-{command[3] >> 3}.{command[2]}", "read record"
        else:
            place = NAMES.get(command[1], "other")
            word = place.replace("-", " ")
        counts[word] = counts.get(word, 0) + 1
        at = word if counts[word] == 1 else f"{word} {counts[word]}"
        card.exchanges.append((place, at, response))
        card.sizes[place] = max(card.size(place), len(response) - 2)
        if response[-2:] != b"\x90\x00" or response[:1] == b"\x80":
            continue
        collect(card, place, response[:-2], place in signed)
        for tag, value in elements(response[:-2]):
            for inner, locator in elements(value) if tag == "77" else ():
                if inner == "94":
                    for entry in range(0, len(locator), 4):
                        sfi, first, _, number = locator[entry:entry + 4]
                        signed |= {f"record-{sfi >> 3}.{first + step}" for step in range(number)}
    # The command `get data` is not in every tap, and `other` never is.
    card.exchanges = [exchange for exchange in card.exchanges if exchange[0] != "other"]


# ---- A proof that is broken ----

def digits(rng, count):
    return rng.randbytes(count).hex().upper()


def change(kind, **values):
    return {kind: values}


def flipped(rng, card, tag, most=10**6):
    """One of the first `most` bits of an object, wherever it is sent, is altered."""
    sizes = [len(thing.value) for thing in card.things if thing.tag == tag]
    bits = min(min(sizes) * 8, most)
    return change("flip", object=tag, bit=rng.randrange(bits))


# Of a certificate or signature, the fields whose bits all count. The hash of a certificate is made after they were altered. The
# padding of a key and of a dynamic signature is not looked at, so the first bits only.
RSA_FIELDS = {"issuer-certificate": {"header": 8, "format": 8, "hash-algorithm": 8, "key-algorithm": 8, "key-length": 8,
                                     "exponent-length": 8, "hash": 160, "trailer": 8, "iin": 32, "modulus": 500},
              "card-certificate": {"header": 8, "format": 8, "hash-algorithm": 8, "key-algorithm": 8, "key-length": 8,
                                   "exponent-length": 8, "hash": 160, "trailer": 8, "pan": 80, "modulus": 500},
              "dynamic-signature": {"header": 8, "format": 8, "hash-algorithm": 8, "hash": 160, "trailer": 8}}
SM2_FIELDS = {"issuer-certificate": {"format": 8, "key-algorithm": 8, "curve": 8, "key-length": 8, "point": 512, "iin": 32},
              "card-certificate": {"format": 8, "key-algorithm": 8, "curve": 8, "key-length": 8, "point": 512, "pan": 80},
              "dynamic-signature": {"format": 8}}
CHAIN = ["90", "9F46", "9F4B"]
# The shortest certificate or signature of any image in bits: one of SM2.
SHORTEST = 75 * 8
# Images that no validator may accept as they are.
NEVER = ["counterfeit", "no-oda", "oda-keys-issuer-too-long", "oda-keys-card-too-long"]


def broken(rng, card):
    """A break of the proof: its name, its changes, and the tags that no other change may touch. None instead of tags stands for no other
    change at all."""
    if card.image in NEVER:
        return f"image {card.image}", [], set()
    if not card.tags & set(CHAIN):
        # It goes online, or declines: it never gives a proof to this profile.
        return "no proof", [], set()
    fast = any(thing.tag == "9F4B" and thing.place == "gpo" for thing in card.things)
    chain = [tag for tag in CHAIN if tag in card.tags]
    ways = ["flip", "flip", "flip", "replace", "length", "drop", "own-signature", "field", "field", "expired", "small-part"]
    signed = [thing for thing in card.things if thing.signed and thing.tag not in TEMPLATES]
    if not card.several and signed:
        ways += ["signed-object", "signed-object", "signed-record", "profile"]
    if fast:
        ways += ["replay"]
    if not card.several and fast:
        ways += ["track"]
        if "unionpay-offline" not in card.image and "9F5D" not in card.tags and not card.sm2:
            ways += ["list"]
    way = rng.choice(ways)
    tag = rng.choice(chain)
    most = SHORTEST if card.several else 10**6
    if way == "flip":
        return f"flip {tag}", [flipped(rng, card, tag, most=most)], {tag}
    if way == "replace":
        size = min(len(thing.value) for thing in card.things if thing.tag == tag)
        value = rng.choice([digits(rng, size), "00" * size, "FF" * size, digits(rng, rng.randrange(1, size)), "01"])
        return f"replace {tag}", [change("replace", object=tag, value=value)], {tag}
    if way == "length":
        if rng.random() < 0.6:
            return f"truncate {tag}", [change("truncate", object=tag, to=rng.randrange(70))], {tag}
        places = [thing.place for thing in card.things if thing.tag == tag]
        room = min(LONGEST - card.size(place) for place in places) - SPARE
        if card.several or room < 1:
            return f"drop {tag}", [change("drop", object=tag)], {tag}
        return f"extend {tag}", [change("extend", object=tag, **{"with": digits(rng, rng.randint(1, min(room, 20)))})], {tag}
    if way == "drop":
        tag = rng.choice([tag for tag in [*CHAIN, "8F", "9F69", "9F32", "9F47"] if tag in card.tags and
                          not (card.several and tag in RSA_ONLY)])
        return f"drop {tag}", [change("drop", object=tag)], {tag}
    if way == "own-signature":
        size = min(len(thing.value) for thing in card.things if thing.tag == "9F4B")
        return "a signature of its own", [change("set", object="9F4B", value=digits(rng, size))], {"9F4B"}
    if way == "field" and card.image != "unionpay-credit-rsa-sm2":
        fields = SM2_FIELDS if card.sm2 else RSA_FIELDS
        part = rng.choice(list(fields))
        name = rng.choice(list(fields[part]))
        # A header above 6A could lift the data above the modulus, and then nobody could sign them.
        bit = rng.choice([1, 2, 4, 6]) if name == "header" else rng.randrange(fields[part][name])
        return f"{part}.{name}", [change("flip", object=f"{part}.{name}", bit=bit)], {"9F4B", "90", "9F46"}
    if way == "expired":
        # Every clock here says 21 May 2018.
        what = rng.choice(["issuer-certificate", "card-certificate", "application"])
        month = rng.choice(["2018-04", "2018-04", "2017-05", "2012-01", "2001-12"])
        return f"expired {what}", [change("expire", what=what, month=month)], {"5F24", "90", "9F46"}
    if way == "small-part":
        tag = rng.choice([tag for tag in ["8F", "9F69", *RSA_ONLY] if tag in card.tags and not (card.several and tag in RSA_ONLY)])
        return f"flip {tag}", [flipped(rng, card, tag)], {tag}
    if way == "signed-object":
        thing = rng.choice(signed)
        kinds = ["flip"] * 4 * bool(thing.value) + ["drop", "extend", "truncate"]
        kind = rng.choice(kinds) if thing.value else "drop"
        if kind == "flip":
            made = change("flip", object=thing.name, bit=rng.randrange(len(thing.value) * 8))
        elif kind == "truncate":
            made = change("truncate", object=thing.name, to=rng.randrange(len(thing.value)))
        elif kind == "extend":
            made = change("extend", object=thing.name, **{"with": digits(rng, rng.randint(1, 8))})
        else:
            made = change("drop", object=thing.name)
        # The whole record stays as it is then: an object could be put back by a change of its template.
        return f"signed {thing.tag}: {kind}", [made], {thing.tag, "70"}
    if way == "signed-record":
        thing = rng.choice([thing for thing in card.things if thing.signed and thing.tag == "70"])
        if rng.random() < 0.5:
            made = change("insert", object=thing.name, **{"with": rng.choice([text for text in NASTY if len(text) < 60])})
        else:
            made = change("respond", at=next(at for place, at, _ in card.exchanges if place == thing.place),
                          bytes=rng.choice(["70009000", "70039F08009000", "9000"]))
        return "signed record", [made], {"70"} | {inner.tag for inner in signed}
    if way == "profile" and card.one("82") and "9F4A" in card.tags:
        return "signed 82", [change("flip", object="gpo/82", bit=rng.randrange(16))], {"82", "9F4A", "77", "70"}
    if way == "replay":
        # Everything that an honest card said at an earlier tap. Only the reader's unpredictable number is another one.
        said = [(at, response) for place, at, response in card.exchanges if place == "gpo" or place.startswith("record-")]
        return "replay", [change("respond", at=at, bytes=response.hex().upper()) for at, response in said], None
    if way == "track" and (track := card.one("57")) and track.place == "gpo":
        return "other track 2", [change("flip", object="gpo/57", bit=rng.randrange(6 * 8))], None
    if way == "list":
        # The card signs zeros for what it does not ask for.
        listed = [("9F66", "04"), ("9F02", "06"), ("9F03", "06"), ("9F1A", "02"), ("95", "05"), ("5F2A", "02"), ("9A", "03"), ("9C", "01"),
                  ("9F37", "04")]
        # An old card's signature covers the reader's number alone.
        gone = {"9F37"} if "9F69" not in card.tags else set(rng.sample(["9F37", "9F02", "5F2A"], rng.randint(1, 3)))
        rest = [entry for entry in listed if entry[0] not in gone]
        rng.shuffle(rest)
        return "list without " + ", ".join(sorted(gone)), [change("set", object="9F38", value="".join(map("".join, rest)))], {"9F38", "9F4B", "9F69"}
    return f"flip {tag}", [flipped(rng, card, tag, most=most)], {tag}


# ---- Whatever else is wrong with a card ----

class Wrongs:
    """Collects changes that fit together: one for each object, templates after what is in them, no response too long."""

    def __init__(self, rng, card, kept, spent):
        self.rng, self.card, self.kept = rng, card, kept
        self.inner, self.outer, self.scripts, self.before = [], [], [], []
        self.names, self.places, self.scripted, self.fronts = set(), set(), set(), set()
        self.room = {place: LONGEST - card.size(place) - SPARE for place, _, _ in card.exchanges}
        for made in spent:
            (kind, values), = made.items()
            if kind in ("answer", "respond", "mute", "delay"):
                self.scripted.add(values["at"])
            elif kind in ("insert", "replace", "extend") and "/" in values["object"]:
                self.places.add(values["object"].split("/")[0])

    def fits(self, thing):
        return thing.tag not in self.kept and thing.name not in self.names

    def add_object(self):
        """Something at a data object or template."""
        rng, thing = self.rng, self.rng.choice(self.card.things)
        template = thing.tag in TEMPLATES
        if not self.fits(thing) or template and thing.place in self.places:
            return
        # Two applications have objects of different lengths.
        size = min(1, len(thing.value)) if self.card.several else len(thing.value)
        room = self.room.get(thing.place, 0)
        kinds = ["replace", "drop", "length", "length"] + ["truncate", "flip"] * (size > 0) + ["extend", "duplicate"] * (room > 0)
        kind = rng.choice([*kinds, *["insert", "insert"] * template])
        if template and kind in ("flip", "truncate"):
            # Its length may have changed by now. These are the first bytes of what it was.
            made, more = change("replace", object=thing.name, value=thing.value[:rng.randrange(size)].hex().upper()), 0
        elif kind == "replace":
            value = rng.choice([digits(rng, rng.randrange(0, 40)), digits(rng, max(size, 1)), "", rng.choice(NASTY)])
            made, more = change("replace", object=thing.name, value=value), len(value) // 2 - size
        elif kind == "drop":
            made, more = change("drop", object=thing.name), 0
        elif kind == "length":
            value = rng.choice(LENGTHS)
            made, more = change("length", object=thing.name, bytes=value), len(value) // 2
        elif kind == "truncate":
            made, more = change("truncate", object=thing.name, to=rng.randrange(min(size, 20))), 0
        elif kind == "flip":
            made, more = change("flip", object=thing.name, bit=rng.randrange(size * 8)), 0
        elif kind == "duplicate":
            # A template may be longer in another answer, or have grown.
            more = LONGEST - SPARE - room if template else len(thing.value)
            made, more = change("duplicate", object=thing.name), more + 6
        else:
            value = rng.choice([digits(rng, rng.randrange(1, 24)), rng.choice(NASTY), "4100" * rng.randrange(1, 100)])
            made, more = change(kind, object=thing.name, **{"with": value}), len(value) // 2
        if self.card.several:
            # The object may be there once for each application.
            more *= 2
        if more > max(room, 0):
            return
        # What is in a template that is there twice must not grow any more.
        self.room[thing.place] = 0 if template and kind == "duplicate" else room - max(more, 0)
        self.names.add(thing.name)
        if template:
            self.places.add(thing.place)
            self.outer.append(made)
        else:
            self.inner.append(made)

    def add_list(self):
        """A file locator that is wrong, or a list of wanted data."""
        rng = self.rng
        lists = [thing for thing in self.card.things if thing.tag in LISTED and self.fits(thing)]
        if not lists:
            return
        thing = rng.choice(lists)
        wild = bytearray(thing.value)
        wild[rng.randrange(len(wild))] = rng.choice([0, 1, 0x7F, 0x80, 0x81, 0xFE, 0xFF, rng.randrange(256)])
        value = rng.choice([*LISTED[thing.tag], *[wild.hex().upper()] * 4])
        room = self.room.get(thing.place, 0) - max(len(value) // 2 - len(thing.value), 0)
        if room < 0 and len(value) // 2 > len(thing.value):
            return
        self.room[thing.place] = room
        self.names.add(thing.name)
        self.inner.append(change("replace", object=thing.name, value=value))

    def add_script(self):
        """Another answer to a command."""
        rng = self.rng
        place, at, response = rng.choice(self.card.exchanges)
        if at in self.scripted:
            return
        self.scripted.add(at)
        what = rng.random()
        if what < 0.3:
            word = rng.choice(STATUS_WORDS) if rng.random() < 0.7 else digits(rng, 2)
            self.scripts.append(change("answer", at=at, sw=word))
        elif what < 0.45:
            self.scripts.append(change("respond", at=at, bytes=digits(rng, rng.choice([0, 1, 2, 3, rng.randrange(LONGEST_WITH_STATUS + 1)]))))
        elif what < 0.7 and place != "gpo":
            # What the card would have sent, with bytes of it altered. At `gpo` this would be a signature of an earlier tap.
            wild = bytearray(response)
            for _ in range(rng.choice([1, 1, 2, 8])):
                wild[rng.randrange(len(wild))] = rng.randrange(256)
            if not self.kept & {thing.tag for thing in self.card.things if thing.place == place}:
                self.scripts.append(change("respond", at=at, bytes=bytes(wild).hex().upper()))
        elif what < 0.9:
            body = rng.choice(["6F", "70", "77", "80", "61"]) + rng.choice(["00", "80", "8105", "7F", "82FFFF", "02", "04"]) + digits(
                rng, rng.choice([0, 2, 4, 127, 200]))
            self.scripts.append(change("respond", at=at, bytes=body + rng.choice(["9000", "9000", "6283"])))
        elif what < 0.95:
            self.scripts.append(change("delay", at=at, by=rng.choice(["1 ms", "20 ms", "40 ms", "300 ms"])))
        else:
            self.scripts.append(change("mute", at=at))

    def add_value(self):
        """A value that the card takes for right."""
        rng, card = self.rng, self.card
        values = {"9F36": rng.choice(["0000", "0001", "FFFE", "FFFF"]), "9F26": digits(rng, 8)}
        if "9F10" in card.tags:
            values["9F10"] = rng.choice([digits(rng, rng.randrange(1, 33)), "07010103800000", "0701010390000001", "07010103A0000001"])
        if "9F6C" in card.tags:
            values["9F6C"] = digits(rng, 2)
        if "DF61" in card.tags:
            values["DF61"] = digits(rng, rng.randrange(3))
        if "9F5D" in card.tags:
            values["9F5D"] = rng.choice(["000000000000", "000099999999", "999999999999", digits(rng, 6)])
        tag = rng.choice(list(values))
        if tag not in self.kept and not any(name.endswith(tag) for name in self.names):
            self.names |= {thing.name for thing in card.things if thing.tag == tag}
            self.before.append(change("set", object=tag, value=values[tag]))

    def add_front(self):
        """Something before the first command."""
        rng = self.rng
        part = rng.choice(["uid", "atqa", "sak", "ats", "ats", "ats"])
        if part in self.fronts:
            return
        self.fronts.add(part)
        value = {"uid": digits(rng, rng.choice([4, 7, 10])), "atqa": digits(rng, 2), "sak": rng.choice(["00", "20", "28", "04", "24", "FF"]),
                 "ats": rng.choice(["", "01", "00", "0578807002", "0678807700", "06FFFFFFFF", "0A78", "057880F002", "0578800002",
                                    digits(rng, rng.randrange(1, 20))])}[part]
        self.before.append(change("replace", object=f"front.{part}", value=value))

    def changes(self):
        # The deepest template first.
        return [*self.before, *self.inner, *self.outer, *self.scripts]


def fault(rng, card):
    """A fault on the air."""
    at = rng.choice([at for _, at, _ in card.exchanges] or ["select ppse"])
    kind = rng.choice(["drop", "corrupt", "late", "wtx", "wtx", "chain", "chain", "block-number", "pcb", "pcb", "oversize", "mute", "cut",
                       "cut", "unheard"])
    values = {"drop": {"times": rng.choice([1, 2, 3, 9])},
              "corrupt": {"times": rng.choice([1, 2, 3, 9]), "seed": rng.randrange(1, 1 << 32)},
              "late": {"by": rng.choice(["1 ms", "30 ms", "45 ms", "100 ms", "700 ms"])},
              "wtx": {"times": rng.choice([1, 2, 5, 100, 255]), "multiplier": rng.choice([0, 1, 2, 59, 60, 63, 255])},
              "chain": {"size": rng.choice([1, 1, 2, 3, 16, 64])},
              "pcb": {"pcb": digits(rng, 1) if rng.random() < 0.6 else rng.choice(["02", "03", "12", "13", "A2", "A3", "B2", "B3", "C2", "CA",
                                                                                  "F2", "0A", "06", "E2"])}}.get(kind, {})
    return {"at": at, "fault": kind, **values}


def hostile(rng, card):
    """A hostile tap: the break, its changes, the other changes, faults, and how the card is held."""
    why, breaks, kept = broken(rng, card)
    wrongs = Wrongs(rng, card, kept or set(), breaks)
    count = 0 if kept is None else rng.choices([0, 1, 2, 3, 5, 8], [25, 30, 20, 12, 8, 5])[0]
    for _ in range(count):
        rng.choices([wrongs.add_object, wrongs.add_list, wrongs.add_script, wrongs.add_value, wrongs.add_front], [45, 15, 18, 17, 5])[0]()
    tap = {"why": why, "image": card.image, "breaks": breaks, "changes": wrongs.changes(), "faults": []}
    if rng.random() < 0.25:
        faults = [fault(rng, card) for _ in range(rng.choice([1, 1, 2, 3]))]
        # One fault for each command.
        tap["faults"] = list({fault["at"]: fault for fault in faults}.values())
    if rng.random() < 0.06:
        tap["for"] = f"{rng.choice([1, 5, 10, 20, 50, 100, 150, 200])} ms"
    elif rng.random() < 0.02:
        tap["beside"] = rng.choice(["type-a", "type-b"])
    if card.image.startswith("phone") and rng.random() < 0.7:
        tap["count"] = 2
    return tap


# ---- Cases, as text ----

def written(value):
    """A value in YAML, as the cases of the suite write it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key}: {written(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, int) or re.fullmatch(r"[a-z]+([ -][a-z]+)*( \d+)?|\d+ ms|\d+\.\d\d CNY|\+\d+", value):
        return str(value)
    return f'"{value}"'


def case_text(name, title, situation, taps):
    """The file of a case. A tap is hostile, as `hostile` makes it, or honest: image and expectations."""
    cards, steps = [], []
    for number, tap in enumerate(taps, 1):
        step = {"card": tap["image"]}
        if "why" in tap:
            step["card"] = f"hostile-{number}"
            body = {"image": tap["image"], "changes": tap["breaks"] + tap["changes"]}
            cards.append(f"    # {tap['why']}\n    hostile-{number}: {written(body)}\n")
            steps += [f"  - inject: {written(fault)}\n" for fault in tap["faults"]]
            step |= {key: tap[key] for key in ("for", "beside", "count") if key in tap}
            step["expect"] = "unpaid"
        else:
            step["expect"] = tap["expect"]
        steps.append(f"  - tap: {written(step)}\n")
    settings = {"retap": "0 s", **situation.settings}
    rides = sum("why" not in tap and tap["expect"].get("preset") == "rides" for tap in taps)
    last = {"charged": f"{situation.fare * rides / 100:.2f} CNY", "journal": f"+{rides}" if rides else "unchanged"}
    return (f"schema: 1\nid: {name}\ntitle: {title}\nsince: 0.1.0\nrequires: [SEC-MALFORMED, SEC-READY]\n"
            f"given:\n  validator: {situation.profile}\n"
            f"  settings: {written(settings)}\n" + ("  cards:\n" + "".join(cards) if cards else "") + "steps:\n" + "".join(steps)
            + f"expect: {written(last)}\nsnapshot: none\n")
