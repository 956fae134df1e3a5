"""An answer as the judge may see it: nothing hidden, no chat-template tokens, at most so long."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

NEUTRALISED = "[token]"

# Delimited tokens of Llama 3 and 4, ChatML, Phi, Cohere, GPT; with DeepSeek's full-width bars.
_PIPED = re.compile(r"[<＜][|｜][^|｜<>＜＞]{1,80}[|｜][>＞]")  # noqa: RUF001
_HALF_PIPED = re.compile(r"([<＜])(?=[|｜])|([|｜])(?=[>＞])")  # noqa: RUF001
# Words that other templates' tokenizers read as one token.
_WORDS = re.compile(
    r"</?s>|<</?SYS>>"  # Llama 2, Mistral
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|IMG|PREFIX"
    r"|SUFFIX|MIDDLE|THINK|ARGS|CALL_ID)\]"  # Mistral's later tokenizers
    r"|<(?:start_of_turn|end_of_turn|start_of_image|bos|eos|pad|unk|mask)>"  # Gemma, T5, BERT-like
    r"|<(?:BOS|EOS|PAD|UNK|CLS|SEP|MASK|EOP)_TOKEN>"  # Cohere
    r"|</?(?:think|tool_call|tool_response|tools)>"  # Qwen, DeepSeek
    r"|<(?:unused|extra_id_|reserved_|special_)\d{1,5}>"  # Gemma, T5, Baichuan, Mistral
    r"|<eo[ahmspt]>|<TOKENS_UNUSED_\d{1,5}>"  # InternLM
    r"|\[(?:CLS|SEP|MASK|PAD|UNK|BOS|EOS|gMASK|sMASK)\]",  # BERT, GLM
    re.IGNORECASE,
)
_REMOVED = {"Cc", "Cf", "Co", "Cn", "Cs"}  # control, format (zero-width, bidi, tags), private
_KEPT = {"\n", "\t", "\r", "\u0085"}
# Invisible though letters, marks or symbols by category: Unicode's Default_Ignorable_Code_Point
# (DerivedCoreProperties.txt) outside the categories above, and the empty braille pattern.
_IGNORABLE = frozenset(
    chr(code)
    for first, last in (
        (0x034F, 0x034F),  # combining grapheme joiner
        (0x115F, 0x1160),  # Hangul fillers
        (0x17B4, 0x17B5),  # Khmer inherent vowels
        (0x180B, 0x180F),  # Mongolian variation selectors
        (0x2800, 0x2800),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),  # variation selectors: bytes can be smuggled in them
        (0xFFA0, 0xFFA0),
        (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)
_LINE_BREAK = re.compile("\r\n|[\r\u0085\u2028\u2029]")


@dataclass(frozen=True)
class CanonicalAnswer:
    """An answer as the judge sees it.

    `removed` counts characters taken out because nobody can see them, `neutralised` the
    chat-template tokens replaced by `[token]`; `capped` says that the end was cut off.
    """

    text: str
    removed: int
    neutralised: int
    capped: bool

    @property
    def sha256(self) -> str:
        """Hexadecimal; equal for answers the judge cannot tell apart."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def canonicalise(answer: str, cap: int) -> CanonicalAnswer:
    """NFC, without invisible characters or chat-template tokens, at most `cap` characters.

    Applying it to its own text changes nothing.
    """
    visible = "".join(c for c in answer if not is_invisible(c))
    lines = _LINE_BREAK.sub("\n", visible)
    # After the removal: a mark may now stand beside the letter that it composes with.
    plain, tokens = _neutralised(unicodedata.normalize("NFC", lines))
    stripped = plain.strip()
    return CanonicalAnswer(
        text=stripped[:cap].rstrip(),
        removed=len(answer) - len(visible),
        neutralised=tokens,
        capped=len(stripped) > cap,
    )


def is_invisible(character: str) -> bool:
    """Whether nobody can see `character`, though a model can."""
    if character in _KEPT:
        return False
    return character in _IGNORABLE or unicodedata.category(character) in _REMOVED


def _neutralised(text: str) -> tuple[str, int]:
    """`text` without chat-template tokens, and how many there were."""
    text, words = _WORDS.subn(NEUTRALISED, text)
    text, piped = _PIPED.subn(NEUTRALISED, text)
    if _PIPED.search(text):  # one token inside another: no delimiter may remain
        text, halves = _HALF_PIPED.subn(lambda found: f"{found[0]} ", text)
        return text, words + piped + halves
    return text, words + piped
