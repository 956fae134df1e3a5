"""In which language a text is written, as far as function words and scripts tell.

Coarse on purpose: it separates the languages below in texts of a few sentences (function words make
up 35 to 50 % of running text and hardly overlap between languages), and says nothing about others.
"""

import re
import unicodedata
from collections import Counter

# Lower-case, without accents, as `_words` returns them; articles, prepositions, pronouns,
# conjunctions, auxiliaries.
_FUNCTION_WORDS = {
    "english": "the of and to in is that it for with as are be this on or by from at not have has "
    "an you we should would can will your which their its if but was they any all more",
    "german": "der die das und ist nicht ein eine einer eines einem einen zu den dem des mit fur "
    "auf im von sich auch es als wird werden bei oder aus wenn sie wir kann durch nur sind uber",
    "french": "le la les des et est une un du en que qui dans pour par sur pas au aux avec ce "
    "cette il elle nous vous sont ou se plus doit peut leur ses ne il y comme",
    "spanish": "el la los las de y que en un una es por con para del se no al lo como mas su sus "
    "o esta este si son debe puede pero cuando hay sobre nos",
    "italian": "il lo la i gli le di che e un una per in con non del della dei delle si al alla "
    "come piu sono deve puo o anche questo questa nel nella ma dal da",
    "portuguese": "o a os as de e que em um uma para com nao do da dos das se por no na ao como "
    "mais seu sua ou esta este deve pode mas quando pelo pela sao",
    "dutch": "de het een en van is dat niet in op te zijn met voor aan er om ook als bij door naar "
    "of wordt worden uit kan deze dit maar we u moet",
    "polish": "i w nie na sie z jest do to ze jak o co po ale tak przez dla od przy lub oraz jego "
    "jej ich moze nalezy ktory ktora czy byc",
    "swedish": "och att det som en pa ar av for med den till inte ett om har de vi kan ska eller "
    "fran var men nar denna detta bor vid",
    "turkish": "ve bir bu icin ile da de olarak olan daha cok en gibi ne kadar sonra veya her "
    "degil ancak olmasi gerekir",
}
_PROFILES = {name: frozenset(words.split()) for name, words in _FUNCTION_WORDS.items()}
_SCRIPT_OF = {
    "chinese": "CJK",
    "japanese": "CJK",
    "korean": "HANGUL",
    "russian": "CYRILLIC",
    "ukrainian": "CYRILLIC",
    "bulgarian": "CYRILLIC",
    "arabic": "ARABIC",
    "persian": "ARABIC",
    "hebrew": "HEBREW",
    "greek": "GREEK",
    "hindi": "DEVANAGARI",
    "thai": "THAI",
}
_KANA = ("HIRAGANA", "KATAKANA")
_WORD = re.compile(r"[^\W\d_]+")
_FEWEST_WORDS = 12
_FEWEST_LETTERS = 20
_OTHER_SCRIPT = 0.5
# Text of a declared language that names foreign terms stays below: the other language must have
# twice its function words, and a tenth of all words.
_LEAD = 2.0
_SHARE = 0.1


def is_other_language(text: str, declared: str) -> bool:
    """Whether most of `text` is written in another language than `declared` (an English name).

    False for texts too short to tell and, within Latin script, for languages it does not know.
    """
    language = declared.strip().casefold().split("-")[0].split(" ")[0]
    scripts = Counter(script(letter) for letter in text if letter.isalpha())
    letters = scripts.total()
    expected = _SCRIPT_OF.get(language, "LATIN")
    if letters >= _FEWEST_LETTERS and scripts[expected] < (1 - _OTHER_SCRIPT) * letters:
        return True
    words = _words(text)
    if expected != "LATIN" or language not in _PROFILES or len(words) < _FEWEST_WORDS:
        return False
    hits = {name: sum(w in profile for w in words) for name, profile in _PROFILES.items()}
    own = hits.pop(language)
    most = max(hits.values())
    return most >= _SHARE * len(words) and most >= _LEAD * max(own, 1)


def script(letter: str) -> str:
    """The script of a letter by its Unicode name; kana count as CJK, as Japanese mixes them."""
    first = unicodedata.name(letter, "?").split(" ")[0].split("-")[0]
    return "CJK" if first in _KANA else "LATIN" if first in ("FULLWIDTH", "MODIFIER") else first


def _words(text: str) -> list[str]:
    bare = unicodedata.normalize("NFD", text.casefold())
    return _WORD.findall("".join(c for c in bare if unicodedata.category(c) != "Mn"))
