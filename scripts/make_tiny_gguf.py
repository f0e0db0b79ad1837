"""A llama of random weights and a vocabulary of bytes: `python scripts/make_tiny_gguf.py OUT.gguf`.

It says nothing of sense, but a server that binds it to a schema still has to answer in that form. Needs the
packages `gguf` and `numpy`, which the project itself does not: run it in an environment of its own.
"""

import sys
from pathlib import Path

import gguf
import numpy as np

LAYERS, WIDTH, HEADS, INNER, CONTEXT = 1, 64, 4, 128, 32768
SPECIAL = ("<unk>", "<s>", "</s>")

TEMPLATE = "{% for message in messages %}{{ message.content }}\n{% endfor %}"


def vocabulary() -> tuple[list[bytes], list[float], list[int]]:
    """Return tokens, scores and types: three special ones, every byte, and the printable letters."""
    letters = [chr(code) for code in range(32, 127)]
    plain = [letter.replace(" ", "\u2581") for letter in letters]
    tokens = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), *plain]
    kinds = [
        gguf.TokenType.UNKNOWN,
        gguf.TokenType.CONTROL,
        gguf.TokenType.CONTROL,
        *([gguf.TokenType.BYTE] * 256),
        *([gguf.TokenType.NORMAL] * len(plain)),
    ]
    return [token.encode() for token in tokens], [0.0] * len(tokens), [int(kind) for kind in kinds]


def tables(random: np.random.Generator, tokens: list[bytes]) -> dict[str, np.ndarray]:
    """Return the embeddings, and the outputs with a bias against bytes alone and for the end of a string.

    The first dimension of every embedding is large, so that the outputs' weights for it work as a bias.
    """
    embeddings, outputs = random.normal(0, 0.3, (2, len(tokens), WIDTH))
    embeddings[:, 0] = 20
    outputs[:, 0] = 0
    outputs[len(SPECIAL) : len(SPECIAL) + 256, 0] = -3
    for end, favour in ((b'"', 0.6), (b"{", 0.6), (b"]", 0.4)):
        outputs[tokens.index(end), 0] = favour
    return {"token_embd.weight": embeddings, "output.weight": outputs}


def write(out: Path) -> None:
    """Write the model."""
    tokens, scores, kinds = vocabulary()
    writer = gguf.GGUFWriter(str(out), "llama")
    writer.add_name("tiny-random")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(TEMPLATE)
    random = np.random.default_rng(7)
    for name, table in tables(random, tokens).items():
        writer.add_tensor(name, table.astype(np.float32))
    shapes = {
        **{f"blk.0.attn_{part}.weight": (WIDTH, WIDTH) for part in ("q", "k", "v", "output")},
        "blk.0.ffn_gate.weight": (INNER, WIDTH),
        "blk.0.ffn_up.weight": (INNER, WIDTH),
        "blk.0.ffn_down.weight": (WIDTH, INNER),
    }
    for name, shape in shapes.items():
        writer.add_tensor(name, random.normal(0, 0.02, shape).astype(np.float32))
    for name in ("output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"):
        writer.add_tensor(name, np.ones(WIDTH, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write(Path(sys.argv[1]))
