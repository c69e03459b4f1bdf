using System.Buffers;
using System.Text.Json;

namespace Chasqui.Server;

/// <summary>All items that a response answers: those of the response before it, what it answered, and what is new, with references to items replaced by the items.</summary>
internal sealed class ResponseConversation
{
    private const int MaxReferences = 1_000;

    private readonly List<JsonElement> _items = [];
    private readonly Dictionary<string, StoredResponse> _known = new(StringComparer.Ordinal);
    private readonly ResponseArchive? _archive;
    private readonly Func<long, ValueTask> _hold;
    private readonly CancellationToken _cancellation;

    private ResponseConversation(ResponseArchive? archive, Func<long, ValueTask> hold, CancellationToken cancellationToken) =>
        (_archive, _hold, _cancellation) = (archive, hold, cancellationToken);

    /// <summary>The items, or the text that is all there is; undefined for none.</summary>
    public JsonElement Input { get; private set; }

    /// <summary>Puts the items together.</summary>
    /// <param name="input">What is new.</param>
    /// <param name="previous">The response before; null for none.</param>
    /// <param name="archive">What was kept; null where nothing is.</param>
    /// <param name="hold">Counts bytes that are read from there, before they are used.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ResponseNotFoundException">The response before, or an item, is not there for the caller.</exception>
    public static async Task<ResponseConversation> ReadAsync(
        JsonElement input, string? previous, ResponseArchive? archive, Func<long, ValueTask> hold, CancellationToken cancellationToken)
    {
        var read = new ResponseConversation(archive, hold, cancellationToken) { Input = input };
        if (previous is null && !(input.ValueKind == JsonValueKind.Array && input.EnumerateArray().Any(IsReference)))
            return read;
        if (previous is not null)
        {
            var before = await read.FindAsync(previous).ConfigureAwait(false) ?? throw ResponseNotFoundException.Previous(previous);
            read._items.AddRange(before.Input);
            read._items.AddRange(before.Output);
        }
        if (input.ValueKind == JsonValueKind.String)
        {
            if (input.GetString() is { Length: > 0 })
                read._items.Add(input);
        }
        else if (input.ValueKind == JsonValueKind.Array)
        {
            var references = new HashSet<string>(StringComparer.Ordinal);
            foreach (var item in input.EnumerateArray())
            {
                if (!IsReference(item))
                    read._items.Add(item);
                else if (references.Count == MaxReferences)
                    throw new InvalidParameterException("input", FormattableString.Invariant($"\"input\" has more than {MaxReferences} items of type \"item_reference\"; use \"previous_response_id\""));
                else
                    read._items.Add(await read.ItemAsync(IdOf(item, references)).ConfigureAwait(false));
            }
        }
        else if (input.ValueKind != JsonValueKind.Undefined)
        {
            return read;
        }
        read.Input = JsonElement.Parse(Write(read._items, null).Span, new JsonDocumentOptions { MaxDepth = 1_000 });
        return read;
    }

    /// <summary>Whether an item only names another; its type may be missing.</summary>
    private static bool IsReference(JsonElement item) => item.ValueKind == JsonValueKind.Object
        && (item.TryGetProperty("type"u8, out var type) && type.ValueKind != JsonValueKind.Null
            ? type.ValueKind == JsonValueKind.String && type.ValueEquals("item_reference"u8)
            : item.TryGetProperty("id"u8, out _) && !item.TryGetProperty("role"u8, out _));

    /// <summary>The item that a reference names. Each may be named once: else a short request would become a very long conversation.</summary>
    private static string IdOf(JsonElement reference, HashSet<string> before)
    {
        var id = "";
        if (reference.TryGetProperty("id"u8, out var given))
            Field.Read("id", given, ref id);
        if (id.Length == 0)
            throw new InvalidParameterException("input", "an item of type \"item_reference\" needs an \"id\"");
        return before.Add(id) ? id : throw new InvalidParameterException("input", $"\"input\" refers to the item \"{id}\" twice; refer to each item once");
    }

    private async Task<JsonElement> ItemAsync(string id)
    {
        // An item of the caller's own names is found in the response before.
        foreach (var response in _known.Values)
        {
            if (response.Find(id) is { } item)
                return item;
        }
        return ResponseIds.ResponseOf(id) is { } of && await FindAsync(of).ConfigureAwait(false) is { } found
            ? found.Find(id) ?? throw ResponseNotFoundException.Item(id)
            : throw ResponseNotFoundException.Item(id);
    }

    private async Task<StoredResponse?> FindAsync(string id)
    {
        if (_known.TryGetValue(id, out var found))
            return found;
        if (_archive is null || await _archive.FindAsync(id, _cancellation).ConfigureAwait(false) is not { } body)
            return null;
        await _hold(body.Length).ConfigureAwait(false);
        return _known[id] = StoredResponse.Parse(body);
    }

    /// <summary>The items as they are kept: each with a type and an id, so that it can be listed and referred to.</summary>
    /// <param name="response">The response that is made of them.</param>
    public ReadOnlyMemory<byte> ToKeep(ResponseObject response) => Input.ValueKind switch
    {
        JsonValueKind.String => Write([Input], response),
        JsonValueKind.Array => Write(Input.EnumerateArray(), response),
        _ => "[]"u8.ToArray(),
    };

    private static ReadOnlyMemory<byte> Write(IEnumerable<JsonElement> items, ResponseObject? response)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = FunctionCall.PlainWriter(buffer))
        {
            json.WriteStartArray();
            foreach (var item in items)
                WriteItem(json, item, response);
            json.WriteEndArray();
        }
        return buffer.WrittenMemory;
    }

    private static void WriteItem(Utf8JsonWriter json, JsonElement item, ResponseObject? response)
    {
        if (item.ValueKind is not (JsonValueKind.String or JsonValueKind.Object))
        {
            // Its reader says what is wrong.
            item.WriteTo(json);
            return;
        }
        var isText = item.ValueKind == JsonValueKind.String;
        var type = isText ? "message" : TextOf(item, "type") is { Length: > 0 } said ? said : "message";
        json.WriteStartObject();
        if (response is not null && (isText || TextOf(item, "id").Length == 0))
            json.WriteString("id", response.NewItemId(PrefixOf(type)));
        json.WriteString("type", type);
        if (isText)
        {
            json.WriteString("role", "user");
            WriteContent(json, item, "input_text");
        }
        else
        {
            foreach (var member in item.EnumerateObject())
            {
                if (member.NameEquals("type"u8) || (member.NameEquals("id"u8) && member.Value.ValueKind == JsonValueKind.Null))
                    continue;
                if (member.NameEquals("content"u8) && member.Value.ValueKind == JsonValueKind.String && type == "message")
                    WriteContent(json, member.Value, TextOf(item, "role") == "assistant" ? "output_text" : "input_text");
                else
                    member.WriteTo(json);
            }
        }
        json.WriteEndObject();
    }

    private static void WriteContent(Utf8JsonWriter json, JsonElement text, string type)
    {
        json.WriteStartArray("content");
        json.WriteStartObject();
        json.WriteString("type", type);
        json.WritePropertyName("text");
        text.WriteTo(json);
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private static string TextOf(JsonElement item, string name) =>
        item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    private static string PrefixOf(string type) => type switch
    {
        "message" => "msg_",
        "reasoning" => "rs_",
        "function_call" => "fc_",
        "function_call_output" => "fco_",
        "custom_tool_call" => "ctc_",
        "custom_tool_call_output" => "ctco_",
        _ => "item_",
    };
}
