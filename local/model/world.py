"""The rehearsal's small underwriting world: its lines, hazards and rules, as plain facts.

A case is an applicant, a line of cover, one or two hazards of that line, and, often, a claims
record and a sum insured. A good answer follows from the case by five rules: the record gives
the decision, each hazard its protection, the line its exclusion and its document, the sum
insured its deductible. The wording lives in `local.model.grammar`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A line of cover: its exclusion, its document, its applicants, hazard -> protection."""

    name: str
    exclusion: str
    document: str
    applicants: tuple[str, ...]
    hazards: dict[str, str]


@dataclass(frozen=True)
class Level:
    """A level of the claims record or of the sum insured: how it is said, what follows."""

    name: str
    phrases: tuple[str, ...]
    outcome: str


LINES: tuple[Line, ...] = (
    Line(
        "property",
        "gradual wear",
        "building valuation",
        (
            "a bakery",
            "a hotel",
            "a furniture factory",
            "a printing works",
            "a school",
            "a warehouse",
        ),
        {
            "hot work": "a fire watch",
            "stored solvents": "vented cabinets",
            "old wiring": "thermal imaging",
            "flood water": "flood barriers",
            "empty floors": "nightly patrols",
            "heavy snow": "roof clearing",
        },
    ),
    Line(
        "motor",
        "unlicensed drivers",
        "driver list",
        (
            "a courier firm",
            "a taxi company",
            "a bus operator",
            "a haulier",
            "a rental agency",
            "a removals company",
        ),
        {
            "night driving": "rest breaks",
            "young drivers": "telematics boxes",
            "heavy trailers": "brake tests",
            "icy roads": "winter tyres",
            "parked vans": "tracking devices",
            "fuel tankers": "spill kits",
        },
    ),
    Line(
        "marine",
        "inherent vice",
        "hull survey",
        (
            "a ferry line",
            "a cargo carrier",
            "a yacht club",
            "a fishing fleet",
            "a tug operator",
            "a fruit importer",
        ),
        {
            "deck cargo": "lashing checks",
            "frozen containers": "temperature loggers",
            "pirate waters": "armed escorts",
            "ageing engines": "oil analysis",
            "grain cargo": "hatch seals",
            "narrow channels": "harbour pilots",
        },
    ),
    Line(
        "cyber",
        "unpatched systems",
        "network diagram",
        (
            "an online shop",
            "a hospital",
            "a law office",
            "a payroll bureau",
            "a software house",
            "a city council",
        ),
        {
            "remote access": "two-factor login",
            "weak backups": "offline copies",
            "phishing mail": "staff drills",
            "payment data": "card encryption",
            "cloud migration": "privilege reviews",
            "rogue laptops": "disk locking",
        },
    ),
    Line(
        "liability",
        "contractual penalties",
        "contract wording",
        (
            "a toy maker",
            "a concert hall",
            "a cleaning firm",
            "a caterer",
            "a gym",
            "a security company",
        ),
        {
            "public events": "crowd stewards",
            "food tasting": "allergen labels",
            "toy parts": "batch testing",
            "wet floors": "slip mats",
            "hired subcontractors": "signed indemnities",
            "chemical waste": "disposal licences",
        },
    ),
    Line(
        "travel",
        "known illness",
        "trip itinerary",
        (
            "a tour operator",
            "a language school",
            "a film crew",
            "a charity",
            "a sports team",
            "a walking club",
        ),
        {
            "mountain trekking": "local guides",
            "tropical fever": "vaccination proof",
            "diving trips": "dive certificates",
            "political unrest": "evacuation plans",
            "ski touring": "avalanche beacons",
            "lost baggage": "luggage tags",
        },
    ),
    Line(
        "construction",
        "faulty design",
        "site plan",
        (
            "a house builder",
            "a bridge contractor",
            "a roofing firm",
            "a tunnel contractor",
            "a demolition firm",
            "an office developer",
        ),
        {
            "deep excavation": "trench shoring",
            "tower cranes": "wind monitors",
            "timber frames": "site sprinklers",
            "copper theft": "locked stores",
            "soft ground": "settlement gauges",
            "buried cables": "ground radar",
        },
    ),
    Line(
        "farm",
        "poor husbandry",
        "field map",
        (
            "a dairy farm",
            "a vineyard",
            "an orchard",
            "a grain cooperative",
            "a poultry farm",
            "a flower grower",
        ),
        {
            "damp hay": "moisture probes",
            "summer hail": "hail nets",
            "livestock disease": "quarantine pens",
            "grain dust": "spark arrestors",
            "late frost": "frost candles",
            "dry wells": "drip irrigation",
        },
    ),
)

RECORDS: tuple[Level, ...] = (
    Level(
        "clean",
        (
            "no losses in five years",
            "a clean record",
            "a spotless claims history",
            "no claims at all",
        ),
        "accept at standard terms",
    ),
    Level(
        "mixed",
        (
            "two small losses",
            "a few minor claims",
            "one modest loss last year",
            "a slightly mixed record",
        ),
        "accept with a loading",
    ),
    Level(
        "heavy",
        (
            "four large losses",
            "a string of serious claims",
            "a poor claims history",
            "repeated big losses",
        ),
        "refer to the chief underwriter",
    ),
    Level(
        "hidden",
        (
            "an undisclosed claim",
            "a concealed loss",
            "false answers on the form",
            "losses it kept secret",
        ),
        "decline the risk",
    ),
)

SIZES: tuple[Level, ...] = (
    Level("small", ("a small sum insured", "a modest schedule of values", "low values"), "1,000"),
    Level(
        "medium",
        ("a medium sum insured", "an average schedule of values", "middling values"),
        "5,000",
    ),
    Level(
        "large", ("a large sum insured", "a huge schedule of values", "very high values"), "25,000"
    ),
)

CITIES: tuple[str, ...] = (
    "Lisbon",
    "Oslo",
    "Vienna",
    "Porto",
    "Ghent",
    "Turin",
    "Malmo",
    "Cork",
    "Bergen",
    "Split",
    "Gdansk",
    "Seville",
    "Lyon",
    "Leeds",
    "Basel",
    "Riga",
)
