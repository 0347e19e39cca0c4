"""The Hugging Face Trainer: its files in the experiment's folder, the last evaluation in the summary.

    python examples/trainers/huggingface_trainer.py --learning_rate 0.01 --use_cpu true --report_to none

`stderr` has tqdm's bars as the terminal got them.
"""

import torch
import transformers
from meticulous import Experiment


class Summary(transformers.TrainerCallback):
    def __init__(self, experiment):
        self.experiment = experiment

    def on_evaluate(self, args, state, control, metrics, **others):
        self.experiment.summary(metrics)


if __name__ == "__main__":
    parser = transformers.HfArgumentParser(transformers.TrainingArguments)
    parser.set_defaults(num_train_epochs=2, eval_strategy="epoch", dataloader_num_workers=2)
    Experiment.add_argument_group(parser)
    with Experiment.from_parser(parser) as experiment:
        own = {"output_dir": experiment.path("checkpoints")}
        (arguments,) = parser.parse_dict({**vars(experiment.args), **own})
        size = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        model = transformers.BertForSequenceClassification(transformers.BertConfig(**size))
        data = [{"input_ids": torch.arange(i, i + 8), "labels": i % 2} for i in range(32)]
        trainer = transformers.Trainer(model, arguments, train_dataset=data, eval_dataset=data)
        trainer.add_callback(Summary(experiment))
        trainer.train()
