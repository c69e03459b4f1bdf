using System.Buffers.Binary;
using System.Text;

namespace Chasqui.Bench.Engine;

/// <summary>
/// Writes a GGUF file (v3, <see href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"/>) of the size of a small real
/// model, with random weights: what it says is noise, what it costs to run is not. Same seed, same bytes.
/// </summary>
internal static class RandomModel
{
    private const int Width = 768;
    private const int Layers = 12;
    private const int FeedForward = 2048;
    private const int Heads = 12;
    private const int Vocabulary = 32_000;
    private const int Context = 2048;
    private const int Alignment = 32;
    private const int Block = 32;
    private const uint TypeF32 = 0;
    private const uint TypeQ4 = 2;
    private const uint TypeQ8 = 8;

    /// <summary>Parameters of the model that is written.</summary>
    internal static long Parameters => Tensors().Sum(t => t.Elements);

    internal static void Write(string path, int seed)
    {
        var tensors = Tensors().ToList();
        using var file = new BufferedStream(File.Create(path), 1 << 20);
        var random = new Random(seed);
        var writer = new Fields(file);
        file.Write("GGUF"u8);
        writer.UInt32(3);
        writer.UInt64((ulong)tensors.Count);
        writer.UInt64(18);
        WriteMetadata(writer);
        ulong offset = 0;
        foreach (var tensor in tensors)
        {
            writer.Text(tensor.Name);
            writer.UInt32((uint)tensor.Shape.Length);
            foreach (var dimension in tensor.Shape)
                writer.UInt64((ulong)dimension);
            writer.UInt32(tensor.Type);
            writer.UInt64(offset);
            offset += (ulong)Aligned(tensor.Bytes);
        }

        Pad(file);
        foreach (var tensor in tensors)
        {
            WriteWeights(file, tensor, random);
            Pad(file);
        }
    }

    private static void WriteMetadata(Fields w)
    {
        w.Entry("general.architecture", "llama");
        w.Entry("general.name", "random-134m");
        w.Entry("general.file_type", 2u);
        w.Entry("general.quantization_version", 2u);
        w.Entry("llama.context_length", (uint)Context);
        w.Entry("llama.embedding_length", (uint)Width);
        w.Entry("llama.block_count", (uint)Layers);
        w.Entry("llama.feed_forward_length", (uint)FeedForward);
        w.Entry("llama.attention.head_count", (uint)Heads);
        w.Entry("llama.attention.head_count_kv", (uint)Heads);
        w.Entry("llama.attention.layer_norm_rms_epsilon", 1e-5f);
        w.Entry("llama.vocab_size", (uint)Vocabulary);
        w.Entry("tokenizer.ggml.model", "gpt2");
        w.Entry("tokenizer.ggml.pre", "gpt-2");
        w.Entry("tokenizer.ggml.tokens", Tokens());
        w.Entry("tokenizer.ggml.merges", ["t h"]);
        w.Entry("tokenizer.ggml.eos_token_id", (uint)Vocabulary - 1);
        w.Entry("tokenizer.ggml.bos_token_id", (uint)Vocabulary - 1);
    }

    /// <summary>The 256 byte tokens in GPT-2's spelling, one merge, and fillers that no text contains.</summary>
    private static List<string> Tokens()
    {
        var tokens = new List<string>(Vocabulary);
        var unprintable = 0;
        for (var b = 0; b < 256; b++)
        {
            var printable = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            tokens.Add(((char)(printable ? b : 256 + unprintable++)).ToString());
        }

        tokens.Add("th");
        for (var i = tokens.Count; i < Vocabulary; i++)
            tokens.Add($"w{i:x}");
        return tokens;
    }

    private static IEnumerable<Tensor> Tensors()
    {
        yield return new Tensor("token_embd.weight", TypeQ4, Width, Vocabulary);
        yield return new Tensor("output.weight", TypeQ4, Width, Vocabulary);
        yield return new Tensor("output_norm.weight", TypeF32, Width);
        for (var i = 0; i < Layers; i++)
        {
            yield return new Tensor($"blk.{i}.attn_norm.weight", TypeF32, Width);
            yield return new Tensor($"blk.{i}.ffn_norm.weight", TypeF32, Width);
            foreach (var name in new[] { "attn_q", "attn_k", "attn_v", "attn_output" })
                yield return new Tensor($"blk.{i}.{name}.weight", TypeQ4, Width, Width);
            yield return new Tensor($"blk.{i}.ffn_gate.weight", TypeQ4, Width, FeedForward);
            yield return new Tensor($"blk.{i}.ffn_up.weight", TypeQ4, Width, FeedForward);
            yield return new Tensor($"blk.{i}.ffn_down.weight", TypeQ4, FeedForward, Width);
        }
    }

    private static void WriteWeights(Stream file, Tensor tensor, Random random)
    {
        if (tensor.Type == TypeF32)
        {
            Span<byte> one = stackalloc byte[4];
            BinaryPrimitives.WriteSingleLittleEndian(one, 1f);
            for (var i = 0L; i < tensor.Elements; i++)
                file.Write(one);
            return;
        }

        // A block is a half-precision scale and then the numbers; scales that keep activations near 1 keep the arithmetic honest.
        Span<byte> block = stackalloc byte[tensor.BlockBytes];
        var scale = (Half)((tensor.Type == TypeQ4 ? 0.2f : 0.014f) / MathF.Sqrt(Width));
        for (var i = 0L; i < tensor.Elements / Block; i++)
        {
            random.NextBytes(block);
            BinaryPrimitives.WriteHalfLittleEndian(block, scale);
            file.Write(block);
        }
    }

    private static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private static void Pad(Stream file)
    {
        while (file.Position % Alignment != 0)
            file.WriteByte(0);
    }

    private sealed class Tensor(string name, uint type, params long[] shape)
    {
        internal string Name { get; } = name;

        internal uint Type { get; } = type;

        internal long[] Shape { get; } = shape;

        internal long Elements => Shape.Aggregate(1L, (product, d) => product * d);

        internal int BlockBytes => Type == TypeQ4 ? 2 + (Block / 2) : 2 + Block;

        internal long Bytes => Type == TypeF32 ? Elements * 4 : Elements / Block * BlockBytes;
    }

    private sealed class Fields(Stream file)
    {
        internal void UInt32(uint value)
        {
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
            file.Write(bytes);
        }

        internal void UInt64(ulong value)
        {
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
            file.Write(bytes);
        }

        internal void Text(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            UInt64((ulong)bytes.Length);
            file.Write(bytes);
        }

        internal void Entry(string key, string value)
        {
            Text(key);
            UInt32(8);
            Text(value);
        }

        internal void Entry(string key, uint value)
        {
            Text(key);
            UInt32(4);
            UInt32(value);
        }

        internal void Entry(string key, float value)
        {
            Text(key);
            UInt32(6);
            UInt32(BitConverter.SingleToUInt32Bits(value));
        }

        internal void Entry(string key, List<string> values)
        {
            Text(key);
            UInt32(9);
            UInt32(8);
            UInt64((ulong)values.Count);
            foreach (var value in values)
                Text(value);
        }
    }
}
