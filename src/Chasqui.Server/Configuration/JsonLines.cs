using System.Text.Json;

namespace Chasqui.Server;

/// <summary>A JSON file as entries, each with the line that it stands in.</summary>
/// <param name="Entries">Full key, with <c>:</c> between the parts and items numbered, to value; null for <c>null</c> and an empty object, empty for an empty array.</param>
/// <param name="Lines">Full key of entries, objects and arrays to line, from 1.</param>
internal sealed record JsonLines(IReadOnlyDictionary<string, string?> Entries, IReadOnlyDictionary<string, int> Lines)
{
    private static readonly JsonReaderOptions _options = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>Reads a file's text.</summary>
    /// <exception cref="JsonException">It is no JSON object, or gives a value twice; the line is in <see cref="JsonException.LineNumber"/>, from 0, where it is known.</exception>
    public static JsonLines Read(ReadOnlySpan<byte> json)
    {
        if (json is [0xEF, 0xBB, 0xBF, ..])
            json = json[3..];
        if (json.IndexOfAnyExcept(" \t\r\n"u8) < 0)
            throw Empty(null);
        var walk = new Walk(json);
        var reader = new Utf8JsonReader(json, _options);
        try
        {
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
                throw new JsonException("it must be an object: { … }", null, walk.LineOf(reader.TokenStartIndex) - 1, null);
            walk.Object(ref reader, "");
            // What follows must be nothing.
            reader.Read();
        }
        catch (JsonException e) when (JsonProblem.Reason(e) == JsonProblem.NoValue)
        {
            throw Empty(e);
        }
        catch (InvalidOperationException e)
        {
            // The reader reports bytes that are no UTF-8, and halves of surrogate pairs, only when the text is asked for.
            throw new JsonException("a text is not valid UTF-8, or has half a surrogate pair", null, walk.LineOf(reader.TokenStartIndex) - 1, null, e);
        }
        return new JsonLines(walk.Entries, walk.Lines);
    }

    private static JsonException Empty(Exception? e) => new("it is empty; write {} for no entries, or remove it", null, 0, null, e);

    private ref struct Walk(ReadOnlySpan<byte> json)
    {
        private readonly ReadOnlySpan<byte> _json = json;
        private int _counted;
        private int _line = 1;

        public Dictionary<string, string?> Entries { get; } = new(StringComparer.OrdinalIgnoreCase);

        public Dictionary<string, int> Lines { get; } = new(StringComparer.OrdinalIgnoreCase);

        /// <summary>The line of a byte; asked for in ascending order.</summary>
        public int LineOf(long at)
        {
            _line += _json[_counted..(int)at].Count((byte)'\n');
            _counted = (int)at;
            return _line;
        }

        public void Object(ref Utf8JsonReader reader, string path)
        {
            var any = false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                any = true;
                var name = path.Length == 0 ? reader.GetString()! : $"{path}:{reader.GetString()}";
                var line = LineOf(reader.TokenStartIndex);
                reader.Read();
                Value(ref reader, name, line);
            }
            if (!any && path.Length > 0)
                Entries.TryAdd(path, null);
        }

        private void Value(ref Utf8JsonReader reader, string path, int line)
        {
            switch (reader.TokenType)
            {
                case JsonTokenType.StartObject:
                    Lines.TryAdd(path, line);
                    Object(ref reader, path);
                    break;
                case JsonTokenType.StartArray:
                    Lines.TryAdd(path, line);
                    var items = 0;
                    while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                        Value(ref reader, FormattableString.Invariant($"{path}:{items++}"), LineOf(reader.TokenStartIndex));
                    if (items == 0)
                        Leaf(path, "", line);
                    break;
                default:
                    Leaf(path, reader.TokenType switch
                    {
                        JsonTokenType.Null => null,
                        JsonTokenType.String => reader.GetString(),
                        _ => System.Text.Encoding.UTF8.GetString(reader.ValueSpan),
                    }, line);
                    break;
            }
        }

        private readonly void Leaf(string path, string? value, int line)
        {
            if (Entries.TryGetValue(path, out var earlier) && earlier is not null)
                throw new JsonException($"\"{path}\" is given twice, first in line {Lines[path]}", null, line - 1, null);
            Entries[path] = value;
            Lines[path] = line;
        }
    }
}
