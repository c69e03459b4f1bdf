using System.Text;

namespace Chasqui.Engines.Tests.Models;

/// <summary>Writes GGUF files, right ones and wrong ones, for tests.</summary>
internal sealed class GgufWriter
{
    private readonly List<(string Key, Action<BinaryWriter> Write)> _pairs = [];
    private readonly List<(string Name, uint Type, long[] Shape, long Bytes, ulong? Offset)> _tensors = [];

    public uint Magic { get; set; } = 0x46554747;
    public uint Version { get; set; } = 3;
    public ulong? TensorCount { get; set; }
    public ulong? PairCount { get; set; }

    public int Alignment { get; set; } = 32;

    public GgufWriter Set(string key, uint value) => Add(key, 4, w => w.Write(value));
    public GgufWriter Set(string key, int value) => Add(key, 5, w => w.Write(value));
    public GgufWriter Set(string key, float value) => Add(key, 6, w => w.Write(value));
    public GgufWriter Set(string key, bool value) => Add(key, 7, w => w.Write(value));
    public GgufWriter Set(string key, ushort value) => Add(key, 2, w => w.Write(value));
    public GgufWriter Set(string key, string value) => Add(key, 8, w => Text(w, value));

    public GgufWriter Set(string key, params string[] values) => Array(key, 8, values.Length, w =>
    {
        foreach (var value in values)
            Text(w, value);
    });

    public GgufWriter Set(string key, params int[] values) => Array(key, 5, values.Length, w =>
    {
        foreach (var value in values)
            w.Write(value);
    });

    /// <summary>A value of any type and bytes.</summary>
    public GgufWriter Add(string key, uint type, Action<BinaryWriter> write)
    {
        _pairs.RemoveAll(p => p.Key == key);
        return AddAgain(key, type, write);
    }

    /// <summary>As <see cref="Add"/>, but beside a value of the same key.</summary>
    public GgufWriter AddAgain(string key, uint type, Action<BinaryWriter> write)
    {
        _pairs.Add((key, w =>
        {
            w.Write(type);
            write(w);
        }
        ));
        return this;
    }

    public GgufWriter Array(string key, uint type, long count, Action<BinaryWriter> write) => Add(key, 9, w =>
    {
        w.Write(type);
        w.Write(count);
        write(w);
    });

    public GgufWriter Remove(string key)
    {
        _pairs.RemoveAll(p => p.Key == key);
        return this;
    }

    /// <summary>A tensor of zeros; <paramref name="bytes"/> is what it takes in the file.</summary>
    public GgufWriter Tensor(string name, uint type, long[] shape, long bytes, ulong? offset = null)
    {
        _tensors.Add((name, type, shape, bytes, offset));
        return this;
    }

    public GgufWriter Tensor(string name, params long[] shape) => Tensor(name, 0, shape, 4 * shape.Aggregate(1L, (a, b) => a * b));

    public byte[] ToArray()
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        writer.Write(Magic);
        writer.Write(Version);
        writer.Write(TensorCount ?? (ulong)_tensors.Count);
        writer.Write(PairCount ?? (ulong)_pairs.Count);
        foreach (var (key, write) in _pairs)
        {
            Text(writer, key);
            write(writer);
        }
        var offset = 0L;
        foreach (var tensor in _tensors)
        {
            Text(writer, tensor.Name);
            writer.Write(tensor.Shape.Length);
            foreach (var dimension in tensor.Shape)
                writer.Write(dimension);
            writer.Write(tensor.Type);
            writer.Write(tensor.Offset ?? (ulong)offset);
            offset = Pad(offset + tensor.Bytes);
        }
        for (var i = 0; i < _tensors.Count; i++)
        {
            // The gap before a tensor belongs to it; there is none after the last.
            writer.Flush();
            stream.SetLength(Pad(stream.Length));
            stream.Seek(0, SeekOrigin.End);
            writer.Write(new byte[_tensors[i].Bytes]);
        }
        writer.Flush();
        return stream.ToArray();
    }

    public string Save(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllBytes(path, ToArray());
        return path;
    }

    private long Pad(long value) => (value + Alignment - 1) / Alignment * Alignment;

    private static void Text(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    /// <summary>A small model that is in order: llama, 2 blocks, 4 heads, width 32, 40 tokens.</summary>
    public static GgufWriter Llama() => new GgufWriter()
        .Set("general.architecture", "llama")
        .Set("general.name", "Test")
        .Set("general.file_type", 7u)
        .Set("llama.block_count", 2u)
        .Set("llama.context_length", 256u)
        .Set("llama.embedding_length", 32u)
        .Set("llama.attention.head_count", 4u)
        .Set("llama.attention.layer_norm_rms_epsilon", 1e-5f)
        .Set("tokenizer.ggml.model", "gpt2")
        .Set("tokenizer.ggml.add_bos_token", false)
        .Set("tokenizer.ggml.tokens", [.. Enumerable.Range(0, 40).Select(i => $"t{i}")])
        .Set("tokenizer.ggml.merges", [.. Enumerable.Range(0, 33).Select(i => $"a b{i}")])
        .Set("tokenizer.chat_template", "{% for m in messages %}{{ m.content }}{% endfor %}")
        .Tensor("token_embd.weight", 8, [32, 40], 40 * 34)
        .Tensor("output_norm.weight", 32);
}
