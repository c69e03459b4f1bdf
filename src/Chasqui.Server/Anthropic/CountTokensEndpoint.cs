using System.Buffers;
using Microsoft.AspNetCore.Http;

namespace Chasqui.Server;

/// <summary><c>POST /v1/messages/count_tokens</c>: how many tokens a conversation would be as a prompt. Nothing is generated.</summary>
internal static class CountTokensEndpoint
{
    /// <summary>Says of a number that it is a guess, by the number's name: the engine does not count.</summary>
    public const string EstimatedHeader = "X-Chasqui-Estimated";

    public static async Task InvokeAsync(ApiContext api, HttpContext http)
    {
        var fields = await MessagesEndpoint.ReadAsync(api, http).ConfigureAwait(false);
        fields.CheckForCount();
        var request = fields.ToRequest();
        // Before the engine is asked to render it, which would be let in as an answer.
        await api.Gate.AdmitAsync(request.Model, request.Messages.Sum(message => (long)message.Content.Length), 0, http.RequestAborted).ConfigureAwait(false);
        var engine = api.EngineOf(http);
        var prompt = await RenderAsync(engine, request, http.RequestAborted).ConfigureAwait(false);
        var exact = prompt is null ? null : await CountAsync(engine, request.Model, prompt, http.RequestAborted).ConfigureAwait(false);
        if (exact is null)
            http.Response.Headers[EstimatedHeader] = "input_tokens";
        var tokens = exact ?? (prompt is null ? TokenEstimate.Of(request) : TokenEstimate.Of(prompt));
        RequestState.Of(http).Measure?.Tokens(tokens, 0);
        var buffer = new ArrayBufferWriter<byte>(32);
        Write(buffer, tokens);
        await AnthropicAnswer.SendAsync(http, StatusCodes.Status200OK, AnthropicAnswer.ContentType, buffer.WrittenMemory).ConfigureAwait(false);
    }

    /// <summary>The whole prompt, uncut; null where the engine does not tell its prompts.</summary>
    private static async Task<string?> RenderAsync(IEngine engine, ChatRequest request, CancellationToken cancellationToken)
    {
        try
        {
            var updates = RelaxedChat.ChatAsync(engine, request with { RenderOnly = true, Truncate = false }, thinking: true, cancellationToken);
            await foreach (var update in updates.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                // An engine that answers instead is stopped at its first word.
                return update.RenderedPrompt;
            }
        }
        catch (UnsupportedCapabilityException e) when (e.Capability is not ("chat" or "tools" or "vision"))
        {
            // The model could answer; its node does not show how it would read the conversation.
            return null;
        }
        return null;
    }

    /// <summary>As the engine itself reads a prompt: with what begins a sequence, and with the template's marks as the tokens they name. Null where it does not tell.</summary>
    private static async Task<int?> CountAsync(IEngine engine, string model, string prompt, CancellationToken cancellationToken)
    {
        try
        {
            var tokens = await engine.TokenizeAsync(
                new TokenizeRequest { Model = model, Text = prompt, AddSpecial = true, ParseSpecial = true }, cancellationToken).ConfigureAwait(false);
            return tokens.Count;
        }
        catch (Exception e) when (e is UnsupportedCapabilityException or InvalidRequestException)
        {
            // It does not count, or not so long a text.
            return null;
        }
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
