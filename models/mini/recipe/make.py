#!/usr/bin/env python3
"""Makes mini.gguf from nothing but this recipe: corpus, tokenizer, training, file, check."""
import argparse
import hashlib
import json
import os
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--seed", type=int, default=1, help="seed of the corpus and the first weights (default 1)")
    p.add_argument("--steps", type=int, default=STEPS, help=f"training steps (default {STEPS}, about ten minutes)")
    p.add_argument("--minutes", type=float, help="train so many minutes instead of a number of steps")
    p.add_argument("--batch", type=int, default=2048, help="tokens in a training step (default 2048)")
    p.add_argument("--threads", type=int, default=1, help="processor threads (default 1; others change the bytes)")
    p.add_argument("--out", type=pathlib.Path, default=HERE.parent / "mini.gguf", help="the file to write")
    p.add_argument("--polish", type=pathlib.Path, metavar="FILE",
                   help="go on from a file of this recipe, every answer token weighing the same")
    p.add_argument("--no-check", action="store_true", help="do not measure the result")
    return p.parse_args()


STEPS = 2000


def learn_tokenizer(seed):
    import bpe
    import corpus
    specials = re.compile("|".join(map(re.escape, corpus.SPECIALS)))
    texts = [corpus.plain(d) for d in corpus.documents(f"{seed}-tokenizer", 6000)]
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    print(f"corpus sample: 6000 documents, sha256 {digest[:16]}", flush=True)
    return bpe.Tokenizer(bpe.learn([part for t in texts for part in specials.split(t)], 1024))


def main():
    args = arguments()
    os.environ["OMP_NUM_THREADS"] = str(args.threads)
    import torch
    import export
    import model
    import optimizer
    import start
    import training
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    print(f"seed {args.seed}, torch {torch.__version__}, {args.threads} thread(s)", flush=True)
    net = model.Model()
    if args.polish:
        import runner
        former = runner.Runner(args.polish)
        tokenizer = former.tokenizer
        net.load_state_dict({name: torch.from_numpy(w) for name, w in former.w.items()})
    else:
        tokenizer = learn_tokenizer(args.seed)
        start.initialise(net)
    print(f"{sum(p.numel() for p in net.parameters())} parameters", flush=True)
    report = training.train(net, optimizer.Optimizer(net), tokenizer,
                            f"{args.seed}-{'polish' if args.polish else 'training'}",
                            args.minutes, None if args.minutes else args.steps, args.batch, bool(args.polish))
    report["validation_loss"] = round(training.validation_loss(net, tokenizer, f"{args.seed}-validation"), 4)
    export.export(args.out, net, tokenizer)
    data = args.out.read_bytes()
    report.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    print(json.dumps(report, indent=2), flush=True)
    if not args.no_check:
        import check
        check.run(args.out, args.seed)


if __name__ == "__main__":
    main()
