using Chasqui.Engines.Http;

namespace Chasqui.Server;

/// <summary>The shapes of a completion, whole and in pieces; the order of members is Ollama's.</summary>
/// <param name="model">The model as it was asked for.</param>
/// <param name="time">The clock.</param>
/// <param name="start">How the stream began that is gone on with; null for one from its beginning.</param>
internal sealed class CompletionForm(string model, TimeProvider time, StreamStart? start)
{
    private readonly string _id = start?.Id ?? OpenAiJson.NewId("cmpl-");
    private readonly long _created = start?.Created ?? time.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>Characters that have been told, where the next token begins.</summary>
    private int _offset;

    /// <summary>The whole answer, or the prompt that <c>_debug_render_only</c> asks for.</summary>
    public void WriteWhole(ref JsonText json, GatheredAnswer answer)
    {
        OpenAiJson.Begin(ref json, _id, "text_completion", _created);
        OpenAiJson.Model(ref json, model);
        Choices(ref json, answer.Text, answer.RenderedPrompt is null && answer.Result is { } ended ? ReasonOf(ended) : null, answer.Logprobs);
        OpenAiJson.Usage(ref json, answer.Result);
        if (answer.RenderedPrompt is { } prompt)
            MetricsJson.RenderedPrompt(ref json, prompt, 0);
        json.EndObject();
    }

    /// <summary>A request that only loaded the model.</summary>
    public void WriteLoaded(ref JsonText json)
    {
        OpenAiJson.Begin(ref json, _id, "text_completion", _created);
        OpenAiJson.Model(ref json, model);
        Choices(ref json, "", "load", null);
        OpenAiJson.Usage(ref json, null);
        json.EndObject();
    }

    /// <summary>A piece of a stream; where usage was asked for, with a usage of nothing.</summary>
    public void WritePiece(Sse events, string text, string? reason, IReadOnlyList<TokenLogprob>? logprobs, bool usage)
    {
        var json = events.Begin();
        OpenAiJson.Begin(ref json, _id, "text_completion", _created);
        Choices(ref json, text, reason, logprobs);
        OpenAiJson.Model(ref json, model);
        if (usage)
            OpenAiJson.Usage(ref json, null);
        json.EndObject();
        events.End();
    }

    /// <summary>The end of a stream.</summary>
    public void WriteEnd(Sse events, string reason, GenerationResult? result, bool usage)
    {
        WritePiece(events, "", reason, null, usage);
        if (usage)
        {
            var json = events.Begin();
            OpenAiJson.Begin(ref json, _id, "text_completion", _created);
            json.Name("choices"u8);
            json.BeginArray();
            json.EndArray();
            OpenAiJson.Model(ref json, model);
            OpenAiJson.Usage(ref json, result);
            json.EndObject();
            events.End();
        }
        events.Add("[DONE]"u8);
    }

    public static string ReasonOf(GenerationResult result) => result.Reason == FinishReason.Length ? "length" : "stop";

    private void Choices(ref JsonText json, string text, string? reason, IReadOnlyList<TokenLogprob>? logprobs)
    {
        json.Name("choices"u8);
        json.BeginArray();
        json.BeginObject();
        json.Name("text"u8);
        json.Value(text);
        json.Name("index"u8);
        json.Value(0L);
        OpenAiJson.FinishReason(ref json, reason);
        if (logprobs is { Count: > 0 })
            Logprobs(ref json, logprobs);
        json.EndObject();
        json.EndArray();
    }

    /// <summary>The older form of log-probabilities: four lists, an item for each token.</summary>
    private void Logprobs(ref JsonText json, IReadOnlyList<TokenLogprob> logprobs)
    {
        json.Name("logprobs"u8);
        json.BeginObject();
        json.Name("tokens"u8);
        json.BeginArray();
        foreach (var token in logprobs)
            json.Value(token.Token);
        json.EndArray();
        json.Name("token_logprobs"u8);
        json.BeginArray();
        foreach (var token in logprobs)
            json.Value((double)token.Logprob);
        json.EndArray();
        json.Name("top_logprobs"u8);
        json.BeginArray();
        foreach (var token in logprobs)
        {
            json.BeginObject();
            // Two tokens may look alike, halves of characters do; the likelier one stays.
            foreach (var alternative in token.Alternatives.DistinctBy(alternative => alternative.Token, StringComparer.Ordinal))
            {
                json.Name(alternative.Token);
                json.Value((double)alternative.Logprob);
            }
            json.EndObject();
        }
        json.EndArray();
        json.Name("text_offset"u8);
        json.BeginArray();
        foreach (var token in logprobs)
        {
            json.Value((long)_offset);
            foreach (var _ in token.Token.EnumerateRunes())
                _offset++;
        }
        json.EndArray();
        json.EndObject();
    }
}
