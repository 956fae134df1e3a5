"""The stand-in model: it really learns, answers reproducibly and keeps the container's contract."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from local.model import container
from local.model.architecture import EMBEDDING, ModelConfig, initial_parameters
from local.model.cached_forward import CachedForward
from local.model.checkpoint import Checkpoint, CheckpointError, load, load_adapter, save
from local.model.checkpoint import save_adapter as write_adapter
from local.model.corpus import PROMPT
from local.model.differentiable import Batch, LoraBranch, next_token_loss, value_and_grad
from local.model.generation import GenerationRequest, Generator, RequestError
from local.model.hyperparameters import HyperparameterError, parse_hyperparameters
from local.model.lora import LoraSettings, initial_adapter, merge
from local.model.reference import BASE, reference_prompt
from local.model.rehearsal import good_rows
from local.model.training import Example, TrainingSettings, evaluate, fine_tune, make_batch

TINY = ModelConfig(
    vocab_size=64,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=2,
    max_position_embeddings=64,
)
TEMPLATE = {"prompt": PROMPT, "completion": "{response}"}
METRICS = (
    r"eval_epoch_loss=tensor\(([0-9\.]+)",
    r"eval_ppl=tensor\(([0-9\.]+)",
    r"train_epoch_loss=([0-9\.]+)",
)


def examples(count: int, *, length: int = 12) -> list[Example]:
    random = np.random.default_rng(5)
    rows = random.integers(2, TINY.vocab_size, (count, length))
    return [Example(tuple(row), length // 2) for row in rows.tolist()]


@pytest.fixture(scope="module")
def base() -> Checkpoint:
    return load(BASE)


@pytest.fixture(scope="module")
def generator(base: Checkpoint) -> Generator:
    return Generator(base)


def random_adapter(settings: LoraSettings):
    adapter = initial_adapter(TINY, settings, 2)
    random = np.random.default_rng(3)
    return {
        name: (a, (random.standard_normal(b.shape) * 0.1).astype(np.float32))
        for name, (a, b) in adapter.items()
    }


# Learning


def test_gradient_matches_the_loss_difference_along_it():
    params = initial_parameters(TINY, 1)
    random = np.random.default_rng(2)
    params = {n: p + 0.05 * random.standard_normal(p.shape) for n, p in params.items()}
    batch = make_batch(examples(3))
    _, gradient = value_and_grad(lambda p: next_token_loss(p, TINY, batch))(params)
    length = sum(float((g * g).sum()) for g in gradient.values()) ** 0.5
    step = 1e-4 / length
    ahead, behind = (
        next_token_loss({n: p + sign * step * gradient[n] for n, p in params.items()}, TINY, batch)
        for sign in (1, -1)
    )
    assert (ahead - behind) / (2 * step) == pytest.approx(length**2, rel=1e-3)


def test_fine_tuning_reduces_the_loss_on_a_tiny_set():
    params = initial_parameters(TINY, 1)
    params[EMBEDDING] *= 10  # fresh embeddings are too short for any but even odds
    rows = [Example((*example.tokens[:6], 7, 9, 7, 1), 6) for example in examples(8)]
    settings = TrainingSettings(epochs=12, learning_rate=0.05, lora=LoraSettings(dropout=0.0))
    reports = [report for report, _ in fine_tune(params, TINY, rows, rows, settings)]
    assert reports[-1].train_loss < 0.5 * reports[0].train_loss
    assert reports[-1].eval_loss < 0.5 * reports[0].eval_loss


def test_only_the_completion_is_scored():
    batch = make_batch([Example((1, 2, 3, 4, 5), 3), Example((1, 6, 7), 2)])
    assert batch.targets.tolist() == [4, 5, 7]
    assert batch.tokens.ravel()[batch.positions].tolist() == [3, 4, 6]


def test_merged_weights_answer_as_base_with_adapter_does():
    params, settings = initial_parameters(TINY, 1), LoraSettings(r=4, alpha=16)
    params = {n: p + np.float32(0.05) for n, p in params.items()}
    adapter, batch = random_adapter(settings), make_batch(examples(3))
    beside = next_token_loss(params, TINY, batch, LoraBranch(adapter, settings.scale))
    merged = next_token_loss(merge(params, adapter, settings), TINY, batch)
    untouched = next_token_loss(params, TINY, batch)
    assert beside == pytest.approx(merged, rel=1e-5)
    assert abs(beside - untouched) > 1e-3


def test_cached_forward_continues_as_the_differentiable_one(base):
    tokens = np.array([[base.begin_id, *range(40, 70)]])
    targets = np.arange(30) + 41
    forward = CachedForward(base.config, base.params)
    cache = forward.empty_cache(1, 64)
    rows = [forward.read(tokens[:, :10], np.array([9]), cache)]
    for position in range(10, 30):
        rows.append(forward.step(tokens[:, position], np.array([position]), cache))
    logits = np.concatenate(rows).astype(np.float64)
    chosen = targets[9:]
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(chosen)), chosen]
    scored = Batch(tokens[:, :30], np.arange(9, 30), chosen)
    expected = next_token_loss(base.params, base.config, scored)
    assert losses.mean() == pytest.approx(expected, rel=1e-4)


def test_adapter_survives_its_files(tmp_path):
    settings = LoraSettings(r=4, alpha=16, dropout=0.1)
    adapter = random_adapter(settings)
    write_adapter(adapter, settings, tmp_path)
    loaded, loaded_settings = load_adapter(tmp_path)
    assert loaded_settings == settings
    assert loaded.keys() == adapter.keys()
    for name, pair in adapter.items():
        for ours, theirs in zip(pair, loaded[name], strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_evaluation_is_independent_of_the_training_seed():
    params, rows = initial_parameters(TINY, 1), examples(5)
    adapter = random_adapter(LoraSettings())
    losses = {evaluate(params, TINY, rows, TrainingSettings(seed=s), adapter) for s in (10, 11)}
    assert len(losses) == 1


# Answering


def test_generation_counts_its_tokens_when_cut_at_the_limit(generator):
    request = GenerationRequest(reference_prompt("What terms would you offer?"), max_new_tokens=3)
    (generation,) = generator.generate([request])
    assert (generation.generated_tokens, generation.finish_reason) == (3, "length")


def test_generation_ends_before_the_stop_string(generator):
    prompt = reference_prompt("What protects against hot work?")
    (whole,) = generator.generate([GenerationRequest(prompt)])
    word = whole.text.split()[2]
    (stopped,) = generator.generate([GenerationRequest(prompt, stop=(word,))])
    assert whole.finish_reason == "eos_token"
    assert stopped.finish_reason == "stop_sequence"
    assert stopped.text == whole.text[: whole.text.index(word)]


def test_greedy_answers_do_not_depend_on_the_batch(generator):
    requests = [
        GenerationRequest(reference_prompt(row["instruction"]), max_new_tokens=20 + 7 * (i % 5))
        for i, row in enumerate(good_rows(40, 8))
    ]
    together = generator.generate(requests)
    assert generator.generate(requests[::-1])[::-1] == together
    assert [generator.generate([request])[0] for request in requests[:5]] == together[:5]


def test_logits_are_identical_in_every_row_of_a_block(base):
    forward = CachedForward(base.config, base.params)
    random = np.random.default_rng(1)
    tokens = random.integers(2, 2000, (16, 64))
    order = random.permutation(16)
    last = random.integers(5, 64, 16)
    straight = forward.read(tokens, last, forward.empty_cache(16, 96))
    shuffled = forward.read(tokens[order], last[order], forward.empty_cache(16, 96))
    np.testing.assert_array_equal(straight[order], shuffled)


def test_sampling_repeats_with_its_seed_and_differs_with_another(generator):
    prompt = reference_prompt("How would you handle this?")

    def sample(seed):
        request = GenerationRequest(prompt, do_sample=True, temperature=1.5, seed=seed)
        return generator.generate([request])[0].text

    assert sample(1) == sample(1)
    assert len({sample(seed) for seed in range(4)}) > 1


def test_sampling_is_greedy_when_one_token_is_allowed(generator):
    prompt = reference_prompt("How would you handle this?")
    greedy, *narrow = generator.generate(
        [
            GenerationRequest(prompt),
            GenerationRequest(prompt, do_sample=True, temperature=2.0, top_k=1),
            GenerationRequest(prompt, do_sample=True, temperature=2.0, top_p=1e-9),
            GenerationRequest(prompt, do_sample=True, temperature=0.0),
        ]
    )
    assert {generation.text for generation in narrow} == {greedy.text}


def test_repetition_penalty_changes_the_answer(generator):
    prompt = reference_prompt("What terms would you offer?")
    plain, penalised = generator.generate(
        [GenerationRequest(prompt), GenerationRequest(prompt, repetition_penalty=5.0)]
    )
    assert plain.text != penalised.text


@pytest.mark.parametrize(
    ("field", "value"),
    [("max_new_tokens", 0), ("temperature", -1), ("top_p", 0), ("top_p", 1.1), ("top_k", -1),
     ("repetition_penalty", 0)],
)  # fmt: skip
def test_request_is_refused_with_field_and_value(field, value):
    with pytest.raises(RequestError, match=rf"{field} is {value}, must be"):
        GenerationRequest("x", **{field: value})


def test_prompt_is_refused_when_longer_than_the_model_reads(generator):
    with pytest.raises(RequestError, match="tokens, this model reads at most 511"):
        generator.generate([GenerationRequest("word " * 2000)])


# The container


def opt_ml(root: Path, rows: list[str], *, template: bool = True, **hyperparameters) -> Path:
    channel, config = root / "input/data/training", root / "input/config"
    channel.mkdir(parents=True)
    config.mkdir()
    (channel / "rows.jsonl").write_text("\n".join(rows) + "\n")
    if template:
        (channel / "template.json").write_text(json.dumps(TEMPLATE))
    quoted = {name: json.dumps(str(value)) for name, value in hyperparameters.items()}
    (config / "hyperparameters.json").write_text(json.dumps(quoted))
    return root


def lines(count: int) -> list[str]:
    return [json.dumps(row) for row in good_rows(count, 9)]


def run(root: Path, **environment) -> int:
    return container.run(root, {"accept_eula": "true", **environment})


def test_container_logs_every_epoch_as_jumpstart_does(tmp_path, capsys):
    root = opt_ml(tmp_path, lines(10), epoch=2, instruction_tuned=True, int8_quantization=False)
    assert run(root) == 0
    log = capsys.readouterr().out
    for metric in METRICS:
        values = [float(value) for value in re.findall(metric, log)]
        assert len(values) == 2
        assert all(value > 0 for value in values)
    assert "multiplied by 40" in log
    assert "applied to all linear layers" in log
    assert "Without effect here: int8_quantization" in log
    assert not (root / "output/failure").exists()
    (answer,) = Generator.load(root / "model").generate(
        [GenerationRequest(reference_prompt("What terms would you offer?"), max_new_tokens=5)]
    )
    assert answer.generated_tokens > 0


def test_container_makes_the_same_bytes_from_the_same_seed(tmp_path):
    models = []
    for name, seed in (("a", 10), ("b", 10), ("c", 11)):
        root = opt_ml(tmp_path / name, lines(6), epoch=1, seed=seed)
        assert run(root) == 0
        models.append((root / "model/model.safetensors").read_bytes())
    assert models[0] == models[1]
    assert models[0] != models[2]


BAD_ROW = '{"instruction": "x", "response": '

FAILURES = {
    "invalid JSON": ([*lines(5), BAD_ROW], {}, "DatasetError: rows.jsonl line 6: no valid JSON"),
    "missing key": (
        ['{"instruction": "x"}', *lines(5)],
        {},
        "rows.jsonl line 1: column 'response' is missing",
    ),
    "non-text": (
        ['{"instruction": "x", "response": 4}'],
        {},
        "line 1: column 'response' must be a text, found int",
    ),
    "no object": (["[1]"], {}, "line 1: a row must be an object, found list"),
    "no rows": ([""], {}, "no rows"),
    "nothing to evaluate on": (lines(4), {}, "no rows left to evaluate on: validation_split_ratio"),
    "nothing to train on": (lines(6), {"validation_split_ratio": 1}, "no rows left to train on"),
    "too long": (lines(6), {"max_input_length": 20}, "cuts off every response of the training"),
    "diverged": (lines(12), {"learning_rate": 1, "epoch": 2}, "Diverged: training diverged"),
    "unknown value": (lines(6), {"epoch": "many"}, "epoch is 'many', must be a whole number"),
    "out of range": (lines(6), {"epoch": 0}, "epoch is 0, must be from 1 to 1000"),
    "chat": (lines(6), {"chat_dataset": True}, "chat_dataset is True"),
    "both": (
        lines(6),
        {"chat_dataset": True, "instruction_tuned": True},
        "instruction_tuned and chat_dataset are both True",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_container_leaves_a_readable_reason_when_training_fails(tmp_path, case):
    rows, hyperparameters, reason = FAILURES[case]
    root = opt_ml(tmp_path, rows, **hyperparameters)
    assert run(root) == 1
    assert reason in (root / "output/failure").read_text()
    assert not (root / "model").exists()


def test_container_asks_for_context_when_there_is_no_template(tmp_path):
    root = opt_ml(tmp_path, lines(6), template=False)
    assert run(root) == 1
    failure = (root / "output/failure").read_text()
    assert "column 'context' is missing" in failure
    assert "JumpStart's default template" in failure


def test_container_refuses_without_an_accepted_eula(tmp_path):
    root = opt_ml(tmp_path, lines(6))
    assert run(root, accept_eula="false") == 1
    assert "EulaNotAccepted" in (root / "output/failure").read_text()


def test_hyperparameters_are_read_quoted_or_plain():
    quoted = parse_hyperparameters({"epoch": '"3"', "learning_rate": '"0.0002"'})
    plain = parse_hyperparameters({"epoch": "3", "learning_rate": "2e-4"})
    assert quoted == plain
    assert (plain.epoch, plain.learning_rate, plain.lora_r) == (3, 0.0002, 8)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"target_modules": "q_proj, v_proj"}, "target_modules names ' v_proj'"),
        ({"instruction_tuned": "yes"}, "instruction_tuned is 'yes', must be True or False"),
        ({"max_train_samples": "0"}, "max_train_samples is 0, must be -1 .* or at least 1"),
        ({"learning_rate": "nan"}, "learning_rate is nan, must be from 1e-08 to 1"),
        ({"warmup": "3"}, "hyperparameter warmup is unknown"),
    ],
)
def test_hyperparameter_is_refused_with_value_and_remedy(given, reason):
    with pytest.raises(HyperparameterError, match=reason):
        parse_hyperparameters(given)


def test_checkpoint_is_refused_when_files_are_missing(tmp_path, base):
    save(base, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors missing"):
        load(tmp_path)
