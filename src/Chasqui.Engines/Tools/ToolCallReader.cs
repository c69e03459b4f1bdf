using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Chasqui.Engines.Tools;

/// <summary>
/// Finds the tool calls in a model's text. A call is a JSON object with the <c>name</c> of a tool that was offered and an object of
/// <c>arguments</c> (or <c>parameters</c>), at the very start of the text or behind one of the marks that models are taught.
/// What turns out to be no call is given back as text.
/// </summary>
internal sealed class ToolCallReader
{
    private const string IdAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>Longer than any call; a text that grows past it is given back.</summary>
    private const int MaxHeld = 256 * 1024;

    private static readonly string[] _marks = ["<tool_call>", "[TOOL_CALLS]", "<|python_tag|>", "<|tool_call|>"];

    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly StringBuilder _held = new();
    private bool _spoken;
    private bool _collecting;
    private bool _done;

    private ToolCallReader() { }

    /// <summary>The calls found, in Ollama's form; null for none. Complete after <see cref="Finish"/>.</summary>
    public JsonArray? Calls { get; private set; }

    /// <summary>A reader for the tools of a request; null where none were offered.</summary>
    public static ToolCallReader? For(JsonElement? tools)
    {
        if (tools is not { ValueKind: JsonValueKind.Array } offered)
            return null;
        var reader = new ToolCallReader();
        foreach (var tool in offered.EnumerateArray())
        {
            if (tool.TryGetProperty("function", out var function) && function.ValueKind == JsonValueKind.Object
                && function.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String)
                reader._names.Add(name.GetString()!);
        }
        return reader;
    }

    /// <summary>Takes more text; returns what is certainly no call.</summary>
    public string Read(string text)
    {
        if (_done || text.Length == 0)
            return text;
        _held.Append(text);
        if (_held.Length > MaxHeld)
            return GiveBack();
        if (_collecting)
            return "";

        var held = _held.ToString();
        var start = Start(held, out _collecting);
        var certain = held[..start];
        _held.Remove(0, start);
        _spoken |= !string.IsNullOrWhiteSpace(certain);
        return certain;
    }

    /// <summary>Ends the text; returns what was held back and is no call.</summary>
    public string Finish()
    {
        if (_collecting && !_done)
            Collect(_held.ToString());
        return Calls is null ? GiveBack() : "";
    }

    private string GiveBack()
    {
        _done = true;
        var text = _held.ToString();
        _held.Clear();
        return text;
    }

    /// <summary>Where a call may begin, the end of the text if nowhere; <paramref name="certain"/> when the whole mark is there.</summary>
    private int Start(string text, out bool certain)
    {
        certain = true;
        if (!_spoken && text.AsSpan().TrimStart() is ['{' or '[', ..])
        {
            // "[TOOL_CALLS]" begins like an array and is found by what is inside it either way.
            return text.Length - text.AsSpan().TrimStart().Length;
        }
        var first = _marks.Select(mark => text.IndexOf(mark, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
        if (first >= 0)
            return first;
        certain = false;
        for (var at = Math.Max(0, text.Length - _marks.Max(mark => mark.Length)); at < text.Length; at++)
        {
            if (_marks.Any(mark => mark.AsSpan().StartsWith(text.AsSpan(at), StringComparison.Ordinal)))
                return at;
        }
        return text.Length;
    }

    private void Collect(string text)
    {
        var json = Encoding.UTF8.GetBytes(LoneSurrogates.Replace(text));
        for (var at = 0; at < json.Length; at++)
        {
            if (json[at] != '{')
                continue;
            var reader = new Utf8JsonReader(json.AsSpan(at), isFinalBlock: true, new JsonReaderState(new JsonReaderOptions { AllowMultipleValues = true }));
            try
            {
                if (JsonNode.Parse(ref reader) is not JsonObject candidate || Call(candidate) is not { } call)
                    continue;
                (Calls ??= []).Add((JsonNode)call);
                at += (int)reader.BytesConsumed - 1;
            }
            catch (JsonException)
            {
                // Not JSON from here on; a later brace may be.
                continue;
            }
        }
    }

    private JsonObject? Call(JsonObject candidate)
    {
        try
        {
            if (candidate["name"] is not JsonValue named || !named.TryGetValue(out string? name) || !_names.Contains(name)
                || (candidate["arguments"] ?? candidate["parameters"]) is not JsonObject arguments)
                return null;
            return new JsonObject
            {
                ["id"] = "call_" + RandomNumberGenerator.GetString(IdAlphabet, 8),
                ["function"] = new JsonObject { ["index"] = Calls?.Count ?? 0, ["name"] = name, ["arguments"] = arguments.DeepClone() },
            };
        }
        catch (ArgumentException)
        {
            // The same key twice.
            return null;
        }
    }
}
