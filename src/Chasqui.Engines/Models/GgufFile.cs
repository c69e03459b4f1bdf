using System.Collections.ObjectModel;
using System.Text.Json.Nodes;

namespace Chasqui.Engines.Models;

/// <summary>What a GGUF file says of itself: its metadata and its tensor table, without the weights.</summary>
/// <remarks>
/// <para>The format is that of <c>docs/gguf.md</c> in ggml, versions 2 and 3, little-endian. The reader is made for files from
/// strangers: every count and length is held against the file's own length and against fixed limits, and whatever llama.cpp
/// would refuse, or end the process for, is refused here with a reason.</para>
/// <para>Immutable and thread-safe; its <see cref="JsonNode"/>s are shared, so clone one before putting it into a document.</para>
/// </remarks>
public sealed class GgufFile
{
    private readonly ReadOnlyDictionary<string, GgufArray> _arrays;

    internal GgufFile(string path, uint version, long length, GgufMetadataParser metadata, IReadOnlyList<TensorDescription> tensors)
    {
        Path = path;
        Version = version;
        Length = length;
        Tensors = tensors;
        _arrays = metadata.Arrays.AsReadOnly();
        Metadata = metadata.Values.AsReadOnly();
        try
        {
            ParameterCount = tensors.Aggregate(0L, (sum, t) => checked(sum + GgufShape.Elements(t.Shape)));
        }
        catch (OverflowException)
        {
            throw new GgufFormatException("it has more parameters than can be counted");
        }
    }

    /// <summary>Where the file is.</summary>
    public string Path { get; }

    /// <summary>The version of the format, 2 or 3.</summary>
    public uint Version { get; }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; }

    /// <summary>
    /// The metadata, in the file's order. Arrays of more than 32 texts or 512 numbers, and the vocabulary, are null here and are
    /// read by <see cref="ReadArray"/>; so are numbers that are not finite.
    /// </summary>
    public IReadOnlyDictionary<string, JsonNode?> Metadata { get; }

    /// <summary>The tensors, in the file's order.</summary>
    public IReadOnlyList<TensorDescription> Tensors { get; }

    /// <summary>Elements of all tensors.</summary>
    public long ParameterCount { get; }

    /// <summary><see cref="ParameterCount"/> for people, e.g. <c>935K</c> or <c>7.2B</c>.</summary>
    public string ParameterSize => HumanNumber.Format(ParameterCount);

    /// <summary><c>general.architecture</c>, e.g. <c>llama</c>; never empty.</summary>
    public string Architecture => GetText("general.architecture") ?? "";

    /// <summary>The kind of quantisation, e.g. <c>Q4_K_M</c>.</summary>
    public string FileType => GgufFileTypes.NameOf(GetInteger("general.file_type"), Tensors);

    /// <summary>Tokens of context it was trained for; 0 where the file does not say.</summary>
    public int ContextLength => GetCount("context_length");

    /// <summary>Components of a hidden state; 0 where the file does not say.</summary>
    public int EmbeddingLength => GetCount("embedding_length");

    /// <summary>Layers; 0 where the file does not say.</summary>
    public int BlockCount => GetCount("block_count");

    /// <summary>Tokens of its vocabulary; 0 for none.</summary>
    public int VocabularySize => _arrays.TryGetValue("tokenizer.ggml.tokens", out var tokens)
        ? (int)tokens.Count : GetCount("vocab_size");

    /// <summary>How it makes one vector of many: 0 none, 1 mean, 2 first token, 3 last token, 4 rank; null where the file does not say.</summary>
    public int? PoolingType => GetInteger($"{Architecture}.pooling_type") is { } type and >= int.MinValue and <= int.MaxValue
        ? (int)type : null;

    /// <summary>The chat template, in Jinja; empty for none.</summary>
    public string ChatTemplate => GetText("tokenizer.chat_template") ?? "";

    /// <summary><c>general.type</c>: <c>model</c> (also where the file does not say), <c>adapter</c>, <c>mmproj</c>, …</summary>
    public string Kind => GetText("general.type") ?? (Architecture == "clip" ? "mmproj" : "model");

    /// <summary>Whether it is a model by itself, not an addition to one or a statistic of one.</summary>
    public bool IsModel => Kind is not ("adapter" or "mmproj" or "imatrix") && Architecture != "clip";

    /// <summary>Files the model is split into; 1 for a whole one.</summary>
    public int SplitCount => GetInteger("split.count") is { } count and > 1 and <= ushort.MaxValue ? (int)count : 1;

    /// <summary>Reads the header of a file.</summary>
    /// <exception cref="GgufFormatException">It is not a GGUF file that can be used; the message says why.</exception>
    /// <exception cref="IOException">It cannot be read, or does not exist.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static GgufFile Read(string path, CancellationToken cancellationToken = default)
    {
        using var stream = Open(path);
        return GgufParser.Parse(path, stream, stream.Length, cancellationToken);
    }

    /// <summary>An integer of the metadata; null where there is none under this key, or it does not fit.</summary>
    public long? GetInteger(string key) => Integer(Metadata.GetValueOrDefault(key));

    /// <summary>A text of the metadata; null where there is none under this key.</summary>
    public string? GetText(string key) =>
        Metadata.GetValueOrDefault(key) is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    /// <summary>The type and number of elements of an array, kept or not; false where there is no array under this key.</summary>
    public bool HasArray(string key, out long count)
    {
        var found = _arrays.TryGetValue(key, out var array);
        count = array.Count;
        return found;
    }

    /// <summary>Reads an array from the file again, whole.</summary>
    /// <returns>Null where there is no array under this key.</returns>
    /// <exception cref="GgufFormatException">The file has changed since it was read.</exception>
    /// <exception cref="IOException">The file cannot be read any more.</exception>
    public JsonArray? ReadArray(string key, CancellationToken cancellationToken = default)
    {
        if (!_arrays.TryGetValue(key, out var array))
            return null;
        using var stream = Open(Path);
        if (stream.Length != Length)
            throw new GgufFormatException("the file has changed since it was read");
        var what = $"the metadata value \"{GgufMetadataParser.Show(key)}\"";
        var reader = new GgufReader(stream, Length);
        reader.Skip(array.Offset, what);
        var values = new JsonArray();
        for (var i = 0L; i < array.Count; i++)
        {
            if ((i & 0xFFF) == 0)
                cancellationToken.ThrowIfCancellationRequested();
            values.Add(GgufMetadataParser.Scalar(reader, array.Type, what));
        }
        return values;
    }

    internal static long? Integer(JsonNode? node) => node is not JsonValue value ? null
        : value.TryGetValue<uint>(out var u32) ? u32
        : value.TryGetValue<int>(out var i32) ? i32
        : value.TryGetValue<ulong>(out var u64) ? (u64 <= long.MaxValue ? (long)u64 : null)
        : value.TryGetValue<long>(out var i64) ? i64
        : value.TryGetValue<ushort>(out var u16) ? u16
        : value.TryGetValue<short>(out var i16) ? i16
        : value.TryGetValue<byte>(out var u8) ? u8
        : value.TryGetValue<sbyte>(out var i8) ? i8
        : null;

    private int GetCount(string key) =>
        GetInteger($"{Architecture}.{key}") is { } value and > 0 ? (int)Math.Min(value, int.MaxValue) : 0;

    private static FileStream Open(string path)
    {
        // A pipe or a device would wait for ever when opened; both have no length.
        if (FileStamp.Of(path).Length == 0)
            throw new GgufFormatException("the file is empty");
        return new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.Open,
            Access = FileAccess.Read,
            Share = FileShare.ReadWrite | FileShare.Delete,
            BufferSize = 0,
        });
    }
}
