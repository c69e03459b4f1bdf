using System.Buffers;
using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>GET /v1/models</c> and <c>GET /v1/models/{id}</c> as Anthropic has them, for its clients, which are known by a header.</summary>
internal static class AnthropicModels
{
    /// <summary>What Anthropic's clients always send, and OpenAI's never.</summary>
    public const string VersionHeader = "anthropic-version";

    private const int MostAtOnce = 1000;

    /// <summary>Whether the answer, and an error, are to have Anthropic's form. From here on the errors of the request have it.</summary>
    public static bool Asks(HttpContext http)
    {
        if (!http.Request.Headers.ContainsKey(VersionHeader))
            return false;
        RequestState.Of(http).Form = AnthropicForm.Instance;
        return true;
    }

    /// <summary>The models there are, or a page of them.</summary>
    /// <exception cref="InvalidRequestException">The page is none.</exception>
    public static async Task ListAsync(HttpContext http, IReadOnlyList<ModelSummary> models)
    {
        var (from, count) = Page(http.Request.Query, models);
        var buffer = new ArrayBufferWriter<byte>(4096);
        WriteList(buffer, models, from, count);
        await AnthropicAnswer.SendAsync(http, StatusCodes.Status200OK, AnthropicAnswer.ContentType, buffer.WrittenMemory).ConfigureAwait(false);
    }

    /// <summary>One model.</summary>
    /// <param name="http">The request.</param>
    /// <param name="name">The model as it was asked for.</param>
    /// <param name="model">What is known of it.</param>
    public static async Task ShowAsync(HttpContext http, string name, ModelSummary model)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        WriteOne(buffer, name, model);
        await AnthropicAnswer.SendAsync(http, StatusCodes.Status200OK, AnthropicAnswer.ContentType, buffer.WrittenMemory).ConfigureAwait(false);
    }

    /// <summary>All of them unless a page is asked for.</summary>
    private static (int From, int Count) Page(IQueryCollection query, IReadOnlyList<ModelSummary> models)
    {
        var limit = models.Count;
        if (query["limit"] is [{ Length: > 0 } given, ..]
            && (!int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MostAtOnce))
            throw new InvalidRequestException($"limit must be a whole number from 1 to {MostAtOnce}, not \"{Field.Clip(given)}\"");
        if (query["before_id"] is [{ Length: > 0 } before, ..])
        {
            var end = IndexOf(models, "before_id", before);
            var first = Math.Max(0, end - limit);
            return (first, end - first);
        }
        var from = query["after_id"] is [{ Length: > 0 } after, ..] ? IndexOf(models, "after_id", after) + 1 : 0;
        return (from, Math.Min(limit, models.Count - from));
    }

    private static int IndexOf(IReadOnlyList<ModelSummary> models, string field, string name)
    {
        for (var i = 0; i < models.Count; i++)
        {
            if (models[i].Name == name)
                return i;
        }
        throw new InvalidRequestException($"{field} \"{Field.Clip(name)}\" is no model that is here; give the id of one from the list");
    }

    private static void WriteList(ArrayBufferWriter<byte> buffer, IReadOnlyList<ModelSummary> models, int from, int count)
    {
        var json = new JsonText(buffer);
        json.BeginObject();
        json.Name("data"u8);
        json.BeginArray();
        for (var i = from; i < from + count; i++)
            Write(ref json, models[i].Name, models[i]);
        json.EndArray();
        json.Name("has_more"u8);
        json.Value(from + count < models.Count);
        Id(ref json, "first_id"u8, count > 0 ? models[from].Name : null);
        Id(ref json, "last_id"u8, count > 0 ? models[from + count - 1].Name : null);
        json.EndObject();
    }

    private static void WriteOne(ArrayBufferWriter<byte> buffer, string name, ModelSummary model)
    {
        var json = new JsonText(buffer);
        Write(ref json, name, model);
    }

    private static void Write(ref JsonText json, string name, ModelSummary model)
    {
        json.BeginObject();
        MessageJson.Member(ref json, "type"u8, "model");
        MessageJson.Member(ref json, "id"u8, name);
        MessageJson.Member(ref json, "display_name"u8, name);
        MessageJson.Member(ref json, "created_at"u8, model.ModifiedAt.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
        json.Name("max_input_tokens"u8);
        if (model.Details.ContextLength > 0)
            json.Value((long)model.Details.ContextLength);
        else
            json.Null();
        foreach (var unknown in (ReadOnlySpan<string>)["max_tokens", "capabilities", "deprecated_at", "retires_at", "line"])
        {
            json.Name(unknown);
            json.Null();
        }
        MessageJson.Member(ref json, "lifecycle"u8, "active");
        json.EndObject();
    }

    private static void Id(ref JsonText json, ReadOnlySpan<byte> name, string? id)
    {
        json.Name(name);
        if (id is null)
            json.Null();
        else
            json.Value(id);
    }
}
