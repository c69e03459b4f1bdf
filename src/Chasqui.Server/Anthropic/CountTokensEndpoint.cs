using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>POST /v1/messages/count_tokens</c>: how many tokens a conversation would be as a prompt. Nothing is generated.</summary>
internal static class CountTokensEndpoint
{
    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var fields = await MessagesEndpoint.ReadAsync(api, http).ConfigureAwait(false);
        fields.CheckForCount();
        var engine = api.EngineOf(http);
        var prompt = await RenderAsync(engine, fields.ToRequest(), http.RequestAborted).ConfigureAwait(false);
        // As the engine itself reads a prompt: with what begins a sequence, and with the template's marks as the tokens they name.
        var tokens = await engine.TokenizeAsync(
            new TokenizeRequest { Model = fields.Model, Text = prompt, AddSpecial = true, ParseSpecial = true }, http.RequestAborted).ConfigureAwait(false);
        RequestState.Of(http).PromptTokens = tokens.Count;
        var buffer = new ArrayBufferWriter<byte>(32);
        Write(buffer, tokens.Count);
        await AnthropicAnswer.SendAsync(http, StatusCodes.Status200OK, AnthropicAnswer.ContentType, buffer.WrittenMemory).ConfigureAwait(false);
    }

    /// <summary>The whole prompt, uncut.</summary>
    /// <exception cref="InvalidRequestException">The engine does not tell its prompts.</exception>
    private static async Task<string> RenderAsync(IEngine engine, ChatRequest request, CancellationToken cancellationToken)
    {
        var updates = RelaxedThinking.ChatAsync(engine, request with { RenderOnly = true, Truncate = false }, cancellationToken);
        await foreach (var update in updates.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            if (update.RenderedPrompt is { } prompt)
                return prompt;
            // An engine that answers instead is stopped at its first word.
            break;
        }
        throw new InvalidRequestException($"count_tokens is not supported for \"{request.Model}\": its engine ({engine.Name}) does not tell the prompt that it makes of a conversation");
    }

    private static void Write(ArrayBufferWriter<byte> buffer, int tokens)
    {
        var json = new JsonText(buffer);
        json.BeginObject();
        json.Name("input_tokens"u8);
        json.Value((long)tokens);
        json.EndObject();
    }
}
