"""Real data that loads offline, without duplicates, split once; and your own files in the same types."""

from sdg_lab.data.catalogue import catalog, load
from sdg_lab.data.census import census
from sdg_lab.data.clicks import session_process
from sdg_lab.data.flights import flights, planes
from sdg_lab.data.images import digits, mnist
from sdg_lab.data.networks import network
from sdg_lab.data.own import read_images, read_sounds, read_table, read_text
from sdg_lab.data.photographs import photographs
from sdg_lab.data.sequences import chorales, molecules, names, pronunciations, sessions
from sdg_lab.data.series import co2, sunspots, weather
from sdg_lab.data.session_process import SessionProcess
from sdg_lab.data.sounds import sounds
from sdg_lab.data.tables import breast_cancer, diamonds, fair, german_credit, wine
from sdg_lab.data.text import plays
from sdg_lab.data.types import Card, Dataset, Images, Network, Series, Sounds, as_images, as_sounds

__all__ = [
    "Card",
    "Dataset",
    "Images",
    "Network",
    "Series",
    "SessionProcess",
    "Sounds",
    "as_images",
    "as_sounds",
    "breast_cancer",
    "catalog",
    "census",
    "chorales",
    "co2",
    "diamonds",
    "digits",
    "fair",
    "flights",
    "german_credit",
    "load",
    "mnist",
    "molecules",
    "names",
    "network",
    "photographs",
    "planes",
    "plays",
    "pronunciations",
    "read_images",
    "read_sounds",
    "read_table",
    "read_text",
    "session_process",
    "sessions",
    "sounds",
    "sunspots",
    "weather",
    "wine",
]
