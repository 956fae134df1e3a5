"""What a participant learns from a training job's log."""

from league.training import read_epochs, training_record

METRICS = [
    {
        "Name": "huggingface-textgeneration:eval-loss",
        "Regex": r"eval_epoch_loss=tensor\(([0-9\.]+)",
    },
    {"Name": "huggingface-textgeneration:eval-ppl", "Regex": r"eval_ppl=tensor\(([0-9\.]+)"},
    {"Name": "huggingface-textgeneration:train-loss", "Regex": r"train_epoch_loss=([0-9\.]+)"},
]
LOG = [
    "loading",
    " eval_ppl=tensor(3.7, device='cuda:0') eval_epoch_loss=tensor(1.3106, device='cuda:0')",
    "Epoch 1: train_perplexity=4.2, train_epoch_loss=1.4463, epoch time 60s",
    " eval_ppl=tensor(3.2, device='cuda:0') eval_epoch_loss=tensor(1.1901, device='cuda:0')",
    "Epoch 2: train_perplexity=3.1, train_epoch_loss=1.2000, epoch time 60s",
    " eval_ppl=tensor(3.9, device='cuda:0') eval_epoch_loss=tensor(1.3500, device='cuda:0')",
    "Epoch 3: train_perplexity=2.9, train_epoch_loss=1.0890, epoch time 60s",
]


def record(log):
    return training_record(read_epochs(log, METRICS), 3600, "ml.g5.12xlarge", {})


def test_epochs_are_read_by_the_jobs_own_metric_definitions():
    epochs = read_epochs(LOG, METRICS)
    assert [e["eval_loss"] for e in epochs] == [1.3106, 1.1901, 1.35]
    assert [e["train_loss"] for e in epochs] == [1.4463, 1.2, 1.089]
    assert epochs[1]["eval_perplexity"] == 3.2


def test_overfitting_is_told_when_evaluation_loss_has_turned():
    assert record(LOG)["overfitting"]
    assert record(LOG)["best_epoch"] == 2
    assert not record(LOG[:5])["overfitting"]


def test_cost_is_instance_time_at_the_list_price():
    assert record(LOG)["cost_usd"] == 7.09


def test_log_without_metrics_gives_a_record_without_epochs():
    empty = record(["nothing here"])
    assert (empty["epochs"], empty["eval_loss"], empty["overfitting"]) == ([], None, False)
