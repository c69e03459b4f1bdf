using System.Buffers;
using System.Text.Json;

namespace Chasqui.Server;

/// <summary>A response as it is kept: <c>{"response": {…}, "input": […]}</c>, the input with all turns before it, so that it depends on no other.</summary>
internal sealed class StoredResponse
{
    // A level more than what a request may have, and what calls bring from elsewhere.
    private static readonly JsonDocumentOptions _deep = new() { MaxDepth = 1_000 };

    private readonly JsonElement _root;

    private StoredResponse(JsonElement root) => _root = root;

    /// <summary>The response as it was answered.</summary>
    public JsonElement Response => _root.GetProperty("response");

    /// <summary>The items that the model was given.</summary>
    public JsonElement.ArrayEnumerator Input => _root.GetProperty("input").EnumerateArray();

    /// <summary>The items that the model answered with.</summary>
    public JsonElement.ArrayEnumerator Output => Response.GetProperty("output").EnumerateArray();

    public static StoredResponse Parse(ReadOnlyMemory<byte> body) => new(JsonElement.Parse(body.Span, _deep));

    /// <summary>The bytes to keep.</summary>
    /// <param name="response">The response, in JSON.</param>
    /// <param name="input">The array of its input, in JSON.</param>
    public static ReadOnlyMemory<byte> Join(ReadOnlySpan<byte> response, ReadOnlySpan<byte> input)
    {
        var body = new ArrayBufferWriter<byte>(response.Length + input.Length + 32);
        body.Write("{\"response\":"u8);
        body.Write(response);
        body.Write(",\"input\":"u8);
        body.Write(input);
        body.Write("}"u8);
        return body.WrittenMemory;
    }

    /// <summary>An item of it; null where there is none of this name.</summary>
    public JsonElement? Find(string item)
    {
        foreach (var one in Output.Concat(Input))
        {
            if (one.TryGetProperty("id"u8, out var id) && id.ValueEquals(item))
                return one;
        }
        return null;
    }
}
