using System.Buffers;
using System.Text.Json;

namespace Chasqui.Gateway.Requests;

/// <summary>What a request says of counting the tokens of its stream.</summary>
internal enum UsageWish
{
    /// <summary>Nothing: it has no <c>stream_options</c>.</summary>
    Unsaid,

    /// <summary>It has <c>stream_options</c>, but does not ask for it there.</summary>
    Unwanted,

    /// <summary>It asks for it.</summary>
    Wanted,

    /// <summary>What it says is not to be changed: two of them, or none that could be.</summary>
    Unclear,
}

/// <summary>OpenAI's <c>stream_options</c>: a stream counts its tokens only where it is asked to.</summary>
internal static class StreamUsage
{
    /// <summary>What asks for it, to be put before the first member of a request.</summary>
    public static byte[] Member { get; } = [.. "\"stream_options\":{\"include_usage\":true},"u8];

    private static ReadOnlySpan<byte> Asking => "{\"include_usage\":true"u8;

    /// <summary>Reads the value of a <c>stream_options</c>.</summary>
    /// <param name="before">What the request has said so far.</param>
    /// <param name="reader">Stands at the value.</param>
    public static UsageWish Read(UsageWish before, Utf8JsonReader reader)
    {
        if (before != UsageWish.Unsaid || reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.Null))
            return before == UsageWish.Wanted ? before : UsageWish.Unclear;
        var wish = UsageWish.Unwanted;
        if (reader.TokenType == JsonTokenType.Null)
            return wish;
        Span<byte> folded = stackalloc byte[FieldName.Longest];
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isUsage = Is(reader, "include_usage"u8, folded);
            // Counts in each part come with the one at the end, and the client would have to be kept from all of them.
            var isEach = Is(reader, "continuous_usage_stats"u8, folded);
            reader.Read();
            if (isUsage)
                wish = Of(wish, reader.TokenType);
            else if (isEach && reader.TokenType == JsonTokenType.True)
                return UsageWish.Unclear;
            reader.Skip();
        }
        return wish;
    }

    /// <summary>The same value, but asking for it; no byte of its other members is changed.</summary>
    /// <param name="value">An object, or null.</param>
    public static byte[] Wanted(ReadOnlySpan<byte> value)
    {
        var made = new ArrayBufferWriter<byte>(value.Length + Asking.Length + 1);
        made.Write(Asking);
        var reader = new Utf8JsonReader(value);
        Span<byte> folded = stackalloc byte[FieldName.Longest];
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var start = (int)reader.TokenStartIndex;
            var isUsage = Is(reader, "include_usage"u8, folded);
            reader.Read();
            reader.Skip();
            if (isUsage)
                continue;
            made.Write(","u8);
            made.Write(value[start..(int)reader.BytesConsumed]);
        }
        made.Write("}"u8);
        return made.WrittenSpan.ToArray();
    }

    private static UsageWish Of(UsageWish before, JsonTokenType said) => said switch
    {
        JsonTokenType.True => UsageWish.Wanted,
        JsonTokenType.False or JsonTokenType.Null when before == UsageWish.Unwanted => before,
        _ => UsageWish.Unclear,
    };

    private static bool Is(in Utf8JsonReader reader, ReadOnlySpan<byte> name, Span<byte> folded) =>
        folded[..FieldName.Fold(reader.ValueSpan, reader.ValueIsEscaped, folded)].SequenceEqual(name);
}
