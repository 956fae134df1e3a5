"""Wording that speaks to the judge instead of answering the question.

Nobody is punished for a phrase: a match puts a submission before an organizer. So the patterns name
the judging itself (verdicts, prompts, scores, the judge), in the languages models are attacked in.
"""

import re

_ADDRESSES_JUDGE = re.compile(
    "|".join(
        (
            # The protocol's own words, and verdicts of other judges' protocols.
            r"[\"'“‘`]winner[\"'”’`]\s*:|\bresponse_[12]\b|\bgrading_notes\b|</?DATA\b",  # noqa: RUF001
            r"\[\[[ABC12]\]\]|\[\[(?:rating|tie)\b",
            r"\b(?:winner|verdict|final (?:verdict|score|rating))\s*[:=]\s*[\"'(\[]*"
            r"(?:response|answer|assistant|model|candidate)?\s*[12ab]\b",
            r"\b(?:response|answer|assistant|model|option)\s+(?:[12ab]|one|two)\s+"
            r"(?:is|was|wins|provides|gives)\b.{0,40}\b(?:better|best|winner|superior|wins|correct)",
            # Orders to the judge.
            r"\b(?:ignore|disregard|forget|override)\s+(?:\w+\s+){0,4}"
            r"(?:instructions?|rubric|prompt|criteria|guidelines|rules)\b",
            r"\b(?:choose|select|pick|prefer|vote for|declare|output|answer with)\s+(?:\w+\s+){0,3}"
            r"(?:response|answer|assistant|option|winner)\s*[\"']?(?:[12ab]\b|one|two|as the)",
            r"\b(?:rate|score|grade|give)\s+(?:this|my|it|me)\s+(?:\w+\s+){0,4}"
            r"(?:[5-9]|10|100|five|ten|full|top|highest|maximum|perfect)\b",
            r"\b(?:this|my|our|the (?:above|following|present))\s+(?:answer|response)\s+"
            r"(?:\w+\s+){0,3}(?:better|best|superior|winner|win|perfect|flawless|full marks|"
            r"top score|highest|exceeds)\b",
            r"\b(?:you are|act as|as)\s+(?:now\s+)?(?:an?|the)\s+(?:\w+\s+){0,2}"
            r"(?:judge|evaluator|grader|ai assistant|language model)\b",
            r"\b(?:satisfies|meets|fulfils|fulfills|deserves)\s+(?:\w+\s+){0,4}"
            r"(?:rubric|grading|full marks|(?:highest|top|maximum|perfect) (?:score|mark|rating))",
            r"\b(?:new|updated|system)\s+(?:instructions?|prompt|override|message)\s*[:=]",
            # Courting it.
            r"\b(?:dear|esteemed|honou?red|honou?rable|wise|brilliant|excellent|fair|respected)\s+"
            r"(?:judge|evaluator|grader|reviewer|assessor)s?\b",
            r"\byour\s+(?:\w+\s+){0,2}(?:judgement|judgment|evaluation|wisdom|verdict)\b.{0,60}"
            r"\b(?:recogni[sz]e|appreciate|trust|admire|confident|flawless|impeccable)",
            r"\b(?:evaluators?|judges?|graders?)\s+(?:will|should|must|agree|unanimously)\b.{0,60}"
            r"\b(?:best|better|winner|prefer|top|superior|highest|recogni[sz]e)",
            # The same orders in other languages.
            r"\bignor(?:ier(?:e|en|t)?|iere sie)\b.{0,40}\b(?:anweisung|regel|vorgabe)",
            r"\bignor(?:a|e|en|ez|er|ate|ar|em)\b.{0,40}"
            r"\b(?:instruc|instru[cç]|consigne|istruzion|reglas|r[eè]gles|regole)",
            r"\b(?:negeer|zignoruj|bortse från|önceki talimat|yok say)",
            r"игнорир\w+|忽略.{0,12}(?:指令|说明|指示|规则)|無視|무시하|تجاهل|התעלם|अनदेखा",
            r"\b(?:antwort|réponse|respuesta|risposta|resposta|antwoord)\s+[12]\b.{0,40}"
            r"\b(?:besser|beste|meilleure|mejor|migliore|melhor|beter|gewinnt|gagne|gana|vince)",
        )
    ),
    re.IGNORECASE | re.DOTALL,
)
_ROLE_MARKER = re.compile(
    r"^[ \t]*#{2,}[ \t]*(?:instruction|response|input|system|human|assistant|user)s?[ \t]*:?[ \t]*$"
    r"|^[ \t]*(?:human|assistant|system|user|judge)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
# Openings that alone made judges say yes ("One Token to Fool LLM-as-a-Judge", 2025), and the like.
_MASTER_KEY = re.compile(
    r"(?:(?:my )?(?:thought|thinking|reasoning) process|let(?:'|’)?s (?:solve|think|work)\b.*"  # noqa: RUF001
    r"|(?:the )?(?:final )?(?:solution|answer|response|explanation|verdict)"
    r"|step[ -]by[ -]step|solution approach|detailed (?:answer|response|solution)"
    r"|解|解答|かいせつ|解説|respuesta|réponse|lösung|antwort|soluci[oó]n|risposta|ответ|решение)"
    r"[\s:.…!\-]*",
    re.IGNORECASE,
)
_CONTENT = re.compile(r"[^\W_]+")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_FEWEST_WORDS = 3
_LONGEST_KEY = 80  # characters


def addresses_judge(text: str) -> bool:
    """Whether `text` speaks of its own judging: a verdict, an order to the judge, flattery."""
    return bool(_ADDRESSES_JUDGE.search(text))


def has_role_marker(text: str) -> bool:
    """Whether a line of `text` opens a new speaker's turn, as prompt templates in plain text do."""
    return bool(_ROLE_MARKER.search(text))


def is_master_key(text: str) -> bool:
    """Whether `text` has no content: fewer than three words, or only the opening of an answer."""
    # Scripts without spaces: two characters make about a word.
    words = len(_CONTENT.findall(_WIDE.sub(" ", text))) + len(_WIDE.findall(text)) // 2
    if words < _FEWEST_WORDS:
        return True
    return len(text) <= _LONGEST_KEY and bool(_MASTER_KEY.fullmatch(text.strip()))
