using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Chasqui.Server;

/// <summary>
/// Reads one member of a request. As in Go, <c>null</c> leaves the field as it was; another type is an error that names the
/// field, what it must be and what it was.
/// </summary>
internal static class Field
{
    public static void Read(string name, JsonElement value, ref string target)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return;
        if (value.ValueKind != JsonValueKind.String)
            throw WrongType(name, "a string", value);
        target = value.GetString()!;
    }

    public static void Read(string name, JsonElement value, ref bool target)
    {
        bool? read = null;
        Read(name, value, ref read);
        target = read ?? target;
    }

    /// <summary>A switch that may be left unsaid: here <c>null</c> unsays it.</summary>
    public static void Read(string name, JsonElement value, ref bool? target) => target = value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw WrongType(name, "a boolean", value),
    };

    public static void Read(string name, JsonElement value, ref int target)
    {
        if (value.ValueKind == JsonValueKind.Null)
            return;
        if (value.ValueKind != JsonValueKind.Number)
            throw WrongType(name, "a whole number", value);
        if (!value.TryGetInt32(out target))
            throw new InvalidRequestException($"\"{name}\" must be a whole number, not {Clip(value.GetRawText())}");
    }

    /// <summary>The members of a request; none for <c>null</c>.</summary>
    public static JsonElement.ObjectEnumerator Root(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => default,
        JsonValueKind.Object => value.EnumerateObject(),
        _ => throw new InvalidRequestException($"the request must be a JSON object, not {Kind(value)}"),
    };

    /// <summary>An object's members; none for <c>null</c>.</summary>
    public static JsonElement.ObjectEnumerator Members(string name, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => default,
        JsonValueKind.Object => value.EnumerateObject(),
        _ => throw WrongType(name, "an object", value),
    };

    /// <summary>An array's items; none for <c>null</c>.</summary>
    public static JsonElement.ArrayEnumerator Items(string name, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => default,
        JsonValueKind.Array => value.EnumerateArray(),
        _ => throw WrongType(name, "an array", value),
    };

    /// <summary>Base64, as the standard alphabet with padding; line breaks are skipped.</summary>
    public static byte[] Base64(string name, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String)
            throw WrongType(name, "base64 text", value);
        if (value.TryGetBytesFromBase64(out var bytes))
            return bytes;
        var text = value.GetString()!;
        var at = text.AsSpan().IndexOfAnyExcept(_base64Alphabet);
        throw new InvalidRequestException(string.Create(CultureInfo.InvariantCulture,
            $"illegal base64 data at input byte {(at < 0 ? text.Length : at)}"));
    }

    public static InvalidRequestException WrongType(string name, string expected, JsonElement value) =>
        new($"\"{name}\" must be {expected}, not {Kind(value)}");

    /// <summary>The start of a caller's text, short enough for a message.</summary>
    public static string Clip(string text) => text.Length <= 40 ? text : text[..40] + "…";

    private static readonly SearchValues<char> _base64Alphabet =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/\r\n");

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.True or JsonValueKind.False => "a boolean",
        JsonValueKind.Array => "an array",
        JsonValueKind.Object => "an object",
        _ => "null",
    };
}
