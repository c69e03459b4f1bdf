using System.Text.Json.Nodes;

namespace Chasqui.Engines.Models;

/// <summary>Reads the key-value pairs of a GGUF header.</summary>
internal sealed class GgufMetadataParser(GgufReader reader, CancellationToken cancellationToken)
{
    /// <summary>Most key-value pairs of a file. Models in use have fewer than 200.</summary>
    public const int MaxPairs = 1 << 16;

    /// <summary>Most elements of one array. The largest vocabularies in use have under a million tokens or merges.</summary>
    public const int MaxElements = 1 << 24;

    /// <summary>Arrays of texts up to this many elements are kept.</summary>
    public const int KeptTexts = 32;

    /// <summary>Arrays of numbers up to this many elements are kept: one for each layer a model can have.</summary>
    public const int KeptNumbers = 512;

    private const int MaxKey = 65_535;
    private const int MaxValue = 16 << 20;
    private const int MaxToken = 65_535;
    private const int MaxVocabulary = 1 << 22;
    private const string Tokens = "tokenizer.ggml.tokens";

    /// <summary>The values; an array that was left in the file is null.</summary>
    public Dictionary<string, JsonNode?> Values { get; } = new(StringComparer.Ordinal);

    /// <summary>All arrays, those that were kept too.</summary>
    public Dictionary<string, GgufArray> Arrays { get; } = new(StringComparer.Ordinal);

    /// <summary>The type of each value that is no array.</summary>
    public Dictionary<string, GgufValueType> Types { get; } = new(StringComparer.Ordinal);

    public void Read(int pairs)
    {
        for (var i = 0; i < pairs; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var key = reader.Text(MaxKey, "a metadata key");
            if (key.Length == 0)
                throw new GgufFormatException("a metadata key is empty");
            if (Values.ContainsKey(key))
                throw new GgufFormatException($"the metadata key \"{Show(key)}\" occurs twice");
            var what = $"the metadata value \"{Show(key)}\"";
            var type = Type(what);
            Types[key] = type;
            Values[key] = type == GgufValueType.Array ? Array(key, what) : Scalar(reader, type, what);
        }
    }

    /// <summary>Reads one value that is no array. A number that JSON does not have is null.</summary>
    public static JsonNode? Scalar(GgufReader reader, GgufValueType type, string what) => type switch
    {
        GgufValueType.UInt8 => JsonValue.Create(reader.Byte(what)),
        GgufValueType.Int8 => JsonValue.Create((sbyte)reader.Byte(what)),
        GgufValueType.UInt16 => JsonValue.Create(reader.UInt16(what)),
        GgufValueType.Int16 => JsonValue.Create((short)reader.UInt16(what)),
        GgufValueType.UInt32 => JsonValue.Create(reader.UInt32(what)),
        GgufValueType.Int32 => JsonValue.Create((int)reader.UInt32(what)),
        GgufValueType.UInt64 => JsonValue.Create(reader.UInt64(what)),
        GgufValueType.Int64 => JsonValue.Create((long)reader.UInt64(what)),
        GgufValueType.Float32 => Finite(BitConverter.UInt32BitsToSingle(reader.UInt32(what))),
        GgufValueType.Float64 => Finite(BitConverter.UInt64BitsToDouble(reader.UInt64(what))),
        GgufValueType.Bool => JsonValue.Create(reader.Byte(what) != 0),
        GgufValueType.Text => JsonValue.Create(reader.Text(MaxValue, what)),
        _ => throw new GgufFormatException($"{what} is an array inside an array, which llama.cpp does not read"),
    };

    private static JsonValue? Finite(float value) => float.IsFinite(value) ? JsonValue.Create(value) : null;

    private static JsonValue? Finite(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;

    private GgufValueType Type(string what)
    {
        var type = reader.UInt32(what);
        return type <= (uint)GgufValueType.Float64 ? (GgufValueType)type
            : throw new GgufFormatException($"{what} has the unknown type {type}");
    }

    private JsonArray? Array(string key, string what)
    {
        var type = Type(what);
        if (type == GgufValueType.Array)
            throw new GgufFormatException($"{what} is an array of arrays, which llama.cpp does not read");
        var count = reader.UInt64(what);
        if (count > MaxElements)
            throw new GgufFormatException($"{what} has {count} elements, but at most {MaxElements} are allowed");
        Arrays[key] = new GgufArray(type, (long)count, reader.Position);

        if (key == Tokens && type == GgufValueType.Text)
        {
            Vocabulary((long)count, what);
            return null;
        }
        if (count <= (ulong)(type == GgufValueType.Text ? KeptTexts : KeptNumbers))
        {
            var kept = new JsonArray();
            for (var i = 0UL; i < count; i++)
                kept.Add(Scalar(reader, type, what));
            return kept;
        }
        if (type == GgufValueType.Text)
            SkipTexts((long)count, what);
        else
            reader.Skip((long)count * SizeOf(type), what);
        return null;
    }

    private void SkipTexts(long count, string what)
    {
        for (var i = 0L; i < count; i++)
        {
            if ((i & 0xFFFF) == 0)
                cancellationToken.ThrowIfCancellationRequested();
            var size = reader.UInt64(what);
            reader.Skip(size > long.MaxValue ? -1 : (long)size, what);
        }
    }

    // llama.cpp takes the process down when two tokens have the same text, so this is checked here. It compares up to the first
    // NUL and replaces empty texts by different ones. 64 bits of a hash stand for a text: two different tokens of a million
    // share one with a chance of 3 in 100 million.
    private void Vocabulary(long count, string what)
    {
        if (count > MaxVocabulary)
            throw new GgufFormatException($"{what} has {count} tokens, but at most {MaxVocabulary} are allowed");
        var seen = new HashSet<ulong>();
        for (var i = 0L; i < count; i++)
        {
            if ((i & 0xFFFF) == 0)
                cancellationToken.ThrowIfCancellationRequested();
            var token = reader.TextBytes(MaxToken, what);
            var end = token.IndexOf((byte)0);
            if (end >= 0)
                token = token[..end];
            if (!token.IsEmpty && !seen.Add(Hash(token)))
                throw new GgufFormatException($"token {i} of its vocabulary has the same text as an earlier one");
        }
    }

    // FNV-1a, 64 bits.
    private static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        var hash = 14695981039346656037UL;
        foreach (var value in bytes)
            hash = (hash ^ value) * 1099511628211UL;
        return hash;
    }

    private static int SizeOf(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        _ => 8,
    };

    /// <summary>A name from the file as an error may show it: short, and without control characters.</summary>
    public static string Show(string text)
    {
        var shown = text.Length <= 80 ? text : text[..80] + "…";
        return shown.Any(char.IsControl) ? new string([.. shown.Select(c => char.IsControl(c) ? '?' : c)]) : shown;
    }
}
