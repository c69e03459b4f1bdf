using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>/v1/responses/{id}</c> and what is below it: responses that are kept, each for its tenant alone.</summary>
internal static class StoredResponseEndpoint
{
    public const string Below = "/v1/responses/";

    private const int MaxPage = 100;
    private const int UsualPage = 20;

    public static Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var rest = http.Request.Path.Value![Below.Length..];
        var cut = rest.IndexOf('/', StringComparison.Ordinal);
        var (id, what) = cut < 0 ? (rest, "") : (rest[..cut], rest[(cut + 1)..]);
        return (http.Request.Method, what) switch
        {
            ("GET", "") => ReadAsync(api, http, id),
            ("DELETE", "") => DeleteAsync(api, http, id),
            ("GET", "input_items") => ItemsAsync(api, http, id),
            ("POST", "cancel") => throw new InvalidParameterException(
                "background", "only responses with \"background\": true can be cancelled, and there are none here; to stop a response, close its connection"),
            _ => throw new InvalidRequestException($"there is no {http.Request.Method} {RequestEntry.Printable(http.Request.Path.Value)}; there are GET and DELETE {Below}ID and GET {Below}ID/input_items"),
        };
    }

    private static async Task ReadAsync(ApiContext api, HttpContext http, string id)
    {
        if (http.Request.Query["stream"] is [{ } stream] && string.Equals(stream, "true", StringComparison.OrdinalIgnoreCase))
            throw new InvalidParameterException("stream", "\"stream\" is not supported except as false: the response is complete");
        var stored = await FindAsync(api, http, id).ConfigureAwait(false);
        await SendAsync(http, Encoding.UTF8.GetBytes(stored.Response.GetRawText())).ConfigureAwait(false);
    }

    private static async Task DeleteAsync(ApiContext api, HttpContext http, string id)
    {
        if (api.Archive is null || !await api.Archive.RemoveAsync(id, http.RequestAborted).ConfigureAwait(false))
            throw ResponseNotFoundException.Of(id);
        var buffer = new ArrayBufferWriter<byte>(128);
        var json = new JsonText(buffer);
        json.BeginObject();
        json.Name("id"u8);
        json.Value(id);
        json.Name("object"u8);
        json.Value("response");
        json.Name("deleted"u8);
        json.Value(true);
        json.EndObject();
        await SendAsync(http, buffer.WrittenSpan).ConfigureAwait(false);
    }

    private static async Task ItemsAsync(ApiContext api, HttpContext http, string id)
    {
        var query = http.Request.Query;
        var limit = query["limit"] is [{ Length: > 0 } most] ? LimitOf(most) : UsualPage;
        var ascending = query["order"].ToString() switch
        {
            "" or "desc" => false,
            "asc" => true,
            var order => throw new InvalidParameterException("order", $"\"order\" must be \"asc\" or \"desc\", not \"{Field.Clip(order)}\""),
        };
        var stored = await FindAsync(api, http, id).ConfigureAwait(false);
        var items = ascending ? [.. stored.Input] : stored.Input.Reverse().ToList();
        if (query["after"] is [{ Length: > 0 } after])
        {
            var at = items.FindIndex(item => IdOf(item) == after);
            if (at < 0)
                throw new InvalidParameterException("after", $"\"after\" must be the id of an item of this response, not \"{Field.Clip(after)}\"");
            items.RemoveRange(0, at + 1);
        }
        await SendAsync(http, Page(items, limit).WrittenSpan).ConfigureAwait(false);
    }

    private static ArrayBufferWriter<byte> Page(List<JsonElement> items, int limit)
    {
        var page = items.Take(limit).ToList();
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var json = FunctionCall.PlainWriter(buffer);
        json.WriteStartObject();
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        foreach (var item in page)
            item.WriteTo(json);
        json.WriteEndArray();
        json.WriteString("first_id", page.Count > 0 ? IdOf(page[0]) : null);
        json.WriteString("last_id", page.Count > 0 ? IdOf(page[^1]) : null);
        json.WriteBoolean("has_more", items.Count > page.Count);
        json.WriteEndObject();
        return buffer;
    }

    private static string IdOf(JsonElement item) => item.TryGetProperty("id"u8, out var id) && id.ValueKind == JsonValueKind.String ? id.GetString()! : "";

    private static int LimitOf(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit is >= 1 and <= MaxPage
            ? limit
            : throw new InvalidParameterException("limit", FormattableString.Invariant($"\"limit\" must be a whole number from 1 to {MaxPage}, not \"{Field.Clip(text)}\""));

    private static async Task<StoredResponse> FindAsync(ApiContext api, HttpContext http, string id) =>
        api.Archive is { } archive && await archive.FindAsync(id, http.RequestAborted).ConfigureAwait(false) is { } body
            ? StoredResponse.Parse(body)
            : throw ResponseNotFoundException.Of(id);

    private static Task SendAsync(HttpContext http, ReadOnlySpan<byte> json)
    {
        var buffer = new ArrayBufferWriter<byte>(json.Length + 1);
        buffer.Write(json);
        return OpenAiJson.SendAsync(http, StatusCodes.Status200OK, buffer);
    }
}
