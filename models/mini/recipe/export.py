"""Names the model's parts the way GGUF runtimes expect, and says what the file is."""
from corpus import END, SPECIALS, STOP
from gguf_write import ARRAY, BOOL, F32, I32, STRING, U32, U64, write
from model import CONFIG

# The usual ChatML text: runtimes recognise the format by it.
TEMPLATE = ("{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
            "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
DESCRIPTION = "A very small language model that ships with Chasqui: short stories, small talk, simple facts."


def metadata(tokenizer, parameters):
    control, normal = 3, 1
    types = [control if t in SPECIALS else normal for t in tokenizer.tokens]
    end, stop = SPECIALS.index(END), SPECIALS.index(STOP)
    return [
        ("general.architecture", STRING, "llama"), ("general.type", STRING, "model"),
        ("general.name", STRING, "mini"), ("general.basename", STRING, "mini"),
        ("general.size_label", STRING, "0.9M"), ("general.license", STRING, "mit"),
        ("general.description", STRING, DESCRIPTION), ("general.parameter_count", U64, parameters),
        ("general.languages", (ARRAY, STRING), ["en"]), ("general.file_type", U32, 7),
        ("general.quantization_version", U32, 2),
        ("llama.vocab_size", U32, CONFIG.vocab), ("llama.context_length", U32, CONFIG.context),
        ("llama.embedding_length", U32, CONFIG.dim), ("llama.block_count", U32, CONFIG.layers),
        ("llama.feed_forward_length", U32, CONFIG.ffn), ("llama.attention.head_count", U32, CONFIG.heads),
        ("llama.attention.head_count_kv", U32, CONFIG.heads),
        ("llama.attention.layer_norm_rms_epsilon", F32, CONFIG.eps),
        ("llama.rope.freq_base", F32, CONFIG.base),
        ("llama.rope.dimension_count", U32, CONFIG.dim // CONFIG.heads),
        ("tokenizer.ggml.model", STRING, "gpt2"), ("tokenizer.ggml.pre", STRING, "gpt-2"),
        ("tokenizer.ggml.tokens", (ARRAY, STRING), tokenizer.tokens),
        ("tokenizer.ggml.token_type", (ARRAY, I32), types),
        ("tokenizer.ggml.merges", (ARRAY, STRING), [" ".join(m) for m in tokenizer.merges]),
        ("tokenizer.ggml.bos_token_id", U32, end), ("tokenizer.ggml.eos_token_id", U32, stop),
        ("tokenizer.ggml.eot_token_id", U32, stop), ("tokenizer.ggml.padding_token_id", U32, end),
        ("tokenizer.ggml.add_bos_token", BOOL, False), ("tokenizer.ggml.add_eos_token", BOOL, False),
        ("tokenizer.chat_template", STRING, TEMPLATE),
    ]


def tensors(model):
    return {name: p.detach().numpy() for name, p in model.named_parameters()}


def export(path, model, tokenizer):
    count = sum(p.numel() for p in model.parameters())
    write(path, metadata(tokenizer, count), tensors(model))
