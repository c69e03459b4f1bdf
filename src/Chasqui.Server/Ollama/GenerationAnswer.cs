using System.Buffers;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary>Sends what an engine generates, streamed or whole, in either form.</summary>
internal static class GenerationAnswer
{
    /// <summary>Tells, where it can still be told, how many tokens of the prompt were cut because it was longer than the context.</summary>
    public const string TruncatedHeader = "X-Chasqui-Truncated-Tokens";

    /// <summary>Carries out a request that says nothing: it makes the model resident, or sends it away.</summary>
    public static async Task ChangeResidencyAsync(ApiContext api, HttpContext http, GenerationFields fields, AnswerForm form)
    {
        // Where a policy holds the model it stays for as long as that says, as with any other request.
        var unloads = fields.Unloads && !api.Gate.Holds(fields.Model);
        if (unloads)
        {
            await api.EngineOf(http).UnloadAsync(fields.Model, http.RequestAborted).ConfigureAwait(false);
        }
        else
        {
            var model = await api.EngineOf(http).ShowAsync(fields.Model, http.RequestAborted).ConfigureAwait(false);
            // Not every node says what its models can do.
            if (model.Summary.Capabilities.Count > 0 && !model.Summary.Capabilities.Contains("completion"))
                throw new UnsupportedCapabilityException(fields.Model, form is ChatForm ? "chat" : "generate");
            var request = new LoadRequest { Model = fields.Model, Options = fields.Options, KeepAlive = fields.KeepAlive };
            await api.EngineOf(http).LoadAsync(request, http.RequestAborted).ConfigureAwait(false);
            AnswerHeaders.Tell(http);
        }
        var buffer = new ArrayBufferWriter<byte>(256);
        var json = new JsonText(buffer);
        form.WriteResidency(ref json, unloads ? "unload" : "load");
        await JsonResponse.SendAsync(http, StatusCodes.Status200OK, buffer.WrittenMemory).ConfigureAwait(false);
    }

    /// <summary>One JSON value for the whole answer.</summary>
    public static async Task SendWholeAsync(HttpContext http, AnswerForm form, int images, IAsyncEnumerable<GenerationUpdate> updates)
    {
        var answer = await GatheredAnswer.FromAsync(updates, http.RequestAborted).ConfigureAwait(false);
        var buffer = new ArrayBufferWriter<byte>(1024);
        var json = new JsonText(buffer);
        if (answer.RenderedPrompt is { } prompt)
        {
            form.WriteRendered(ref json, prompt, images);
        }
        else
        {
            CountWhole(http, answer.Result);
            form.WriteLast(ref json, new AnswerPiece(answer.Text, answer.Thinking, answer.Logprobs, answer.ToolCalls), answer.Result);
        }
        await JsonResponse.SendAsync(http, StatusCodes.Status200OK, buffer.WrittenMemory).ConfigureAwait(false);
    }

    /// <summary>A line for each update that says something, flushed before the next one is awaited.</summary>
    public static async Task StreamAsync(HttpContext http, AnswerForm form, IAsyncEnumerable<GenerationUpdate> updates)
    {
        var lines = new Ndjson(http);
        GenerationResult? result = null;
        await foreach (var update in updates.WithCancellation(http.RequestAborted).ConfigureAwait(false))
        {
            lines.Begin();
            result = update.Result;
            var piece = new AnswerPiece(update.Text, update.Thinking, update.Logprobs, update.ToolCalls is { } calls ? JsonArray.Create(calls) : null);
            if (!piece.IsEmpty)
            {
                WritePiece(lines, form, piece);
                await lines.SendAsync().ConfigureAwait(false);
            }
            if (result is not null)
            {
                WriteLast(lines, form, result);
                await lines.SendAsync().ConfigureAwait(false);
            }
        }
        Count(http, result ?? throw GatheredAnswer.EndedEarly());
    }

    /// <summary>Counts the tokens for the request's log line.</summary>
    public static void Count(HttpContext http, GenerationResult result)
    {
        RequestState.Of(http).Measure?.Tokens(result.PromptTokens, result.CompletionTokens);
    }

    /// <summary>Counts the tokens of an answer that is not streamed, and tells how many were cut.</summary>
    public static void CountWhole(HttpContext http, GenerationResult result)
    {
        Count(http, result);
        if (result.TruncatedTokens > 0)
            http.Response.Headers[TruncatedHeader] = result.TruncatedTokens.ToString(CultureInfo.InvariantCulture);
    }

    private static void WritePiece(Ndjson lines, AnswerForm form, AnswerPiece piece)
    {
        var json = lines.Line();
        form.WritePiece(ref json, piece);
    }

    private static void WriteLast(Ndjson lines, AnswerForm form, GenerationResult result)
    {
        var json = lines.Line();
        form.WriteLast(ref json, AnswerPiece.Empty, result);
    }
}
