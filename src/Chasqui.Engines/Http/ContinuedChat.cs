using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Chasqui.Engines.Http;

/// <summary>
/// Goes on with an answer that another engine began, at servers that are told so by a conversation whose last turn is the assistant's and unfinished (Ollama, llama.cpp's server and vLLM
/// do not end that turn). Only free text can be gone on with this way: what a server makes of forms, tools and thinking it makes of its own words alone.
/// </summary>
internal static class ContinuedChat
{
    /// <summary>The request for the rest.</summary>
    /// <param name="request">The request as it came, with what was said so far.</param>
    /// <exception cref="UnsupportedCapabilityException">It cannot be gone on with here.</exception>
    public static ChatRequest Of(ChatRequest request)
    {
        var soFar = request.SoFar!;
        var why = request.Format is not null ? "going on with an answer of a prescribed format"
            : request.Tools is { ValueKind: JsonValueKind.Array } tools && tools.GetArrayLength() > 0 ? "going on with an answer that may call tools"
            : soFar.Text.Length == 0 ? "going on with an answer that is still thinking"
            : null;
        if (why is not null)
            throw new UnsupportedCapabilityException(request.Model, why);
        return request with
        {
            SoFar = null,
            Options = Rest(request.Options, soFar),
            Messages = [.. request.Messages, new ChatMessage { Role = "assistant", Content = soFar.Text, Thinking = soFar.Thinking.Length > 0 ? soFar.Thinking : null }],
        };
    }

    /// <summary>The same of a prompt that no template is put around.</summary>
    /// <exception cref="UnsupportedCapabilityException">It cannot be gone on with here.</exception>
    public static GenerateRequest Of(GenerateRequest request)
    {
        var soFar = request.SoFar!;
        return request is { Raw: true, Format: null, Suffix: null or "" }
            ? request with { SoFar = null, Options = Rest(request.Options, soFar), Prompt = request.Prompt + soFar.Text }
            : throw new UnsupportedCapabilityException(request.Model, "going on with an answer of a prescribed format, or to a prompt with a suffix");
    }

    /// <summary>A prompt under the model's own template as a conversation of one turn.</summary>
    /// <exception cref="UnsupportedCapabilityException">It has what a conversation has not.</exception>
    public static ChatRequest AsChat(GenerateRequest request) => request is { Suffix: null or "", Template: null or "", Context: null or { Count: 0 } }
        ? OpenAi.OpenAiRequests.AsChat(request)
        : throw new UnsupportedCapabilityException(request.Model, "going on with an answer to a prompt with a suffix, a template or a context of its own");

    /// <summary>What was said so far, and then the rest, which counts for all of it.</summary>
    public static async IAsyncEnumerable<GenerationUpdate> Join(
        GenerationSoFar soFar, IAsyncEnumerable<GenerationUpdate> rest, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var first = true;
        await foreach (var update in rest.WithCancellation(cancellationToken).ConfigureAwait(false))
        {
            // Not before the server has said something: until then it may still refuse.
            if (first)
                yield return new GenerationUpdate { Text = soFar.Text, Thinking = soFar.Thinking };
            first = false;
            yield return update.Result is not { } result ? update : update with
            {
                Result = result with { PromptTokens = Math.Max(0, result.PromptTokens - soFar.Count), CompletionTokens = result.CompletionTokens + soFar.Count },
            };
        }
    }

    private static GenerationOptions Rest(GenerationOptions options, GenerationSoFar soFar) =>
        options.NumPredict is > 0 and var most ? options with { NumPredict = Math.Max(1, most - soFar.Count) } : options;
}
