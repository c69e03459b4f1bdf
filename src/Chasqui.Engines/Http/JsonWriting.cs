using System.Buffers;
using System.Text.Json;

namespace Chasqui.Engines.Http;

/// <summary>Writes the JSON that nodes are sent.</summary>
internal static class JsonWriting
{
    // What is sent is read by a JSON parser, never by a browser.
    private static readonly JsonWriterOptions _options = new() { Encoder = PlainEncoder.Shared, SkipValidation = true };

    /// <summary>For a serializer that leaves characters as they are.</summary>
    public static JsonSerializerOptions Plain { get; } = new() { Encoder = PlainEncoder.Shared };

    /// <summary>A writer that leaves characters as they are.</summary>
    public static Utf8JsonWriter PlainWriter(IBufferWriter<byte> output) => new(output, _options);

    /// <summary>An object whose members are written by <paramref name="members"/>.</summary>
    public static ReadOnlyMemory<byte> Object(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, _options))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }
        return buffer.WrittenMemory;
    }

    public static void Member(this Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
            json.WriteString(name, value);
    }

    public static void Member(this Utf8JsonWriter json, string name, int? value)
    {
        if (value is { } number)
            json.WriteNumber(name, number);
    }

    public static void Member(this Utf8JsonWriter json, string name, float? value)
    {
        if (value is { } number)
            json.WriteNumber(name, number);
    }

    public static void Member(this Utf8JsonWriter json, string name, JsonElement? value)
    {
        if (value is not { } element)
            return;
        json.WritePropertyName(name);
        element.WriteTo(json);
    }

    public static void Member(this Utf8JsonWriter json, string name, IReadOnlyList<string>? values)
    {
        if (values is null)
            return;
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }

    public static void Member(this Utf8JsonWriter json, string name, IReadOnlyDictionary<string, string> values)
    {
        if (values.Count == 0)
            return;
        json.WriteStartObject(name);
        foreach (var (key, value) in values)
            json.WriteString(key, value);
        json.WriteEndObject();
    }

    /// <summary>Whether something holds, left out where it is what is usual.</summary>
    public static void Unless(this Utf8JsonWriter json, string name, bool value, bool usual)
    {
        if (value != usual)
            json.WriteBoolean(name, value);
    }
}
