using Chasqui.Engines.Http;

namespace Chasqui.Server;

/// <summary>The shapes of a chat's answer, whole and in pieces; the order of members is Ollama's.</summary>
/// <param name="model">The model as it was asked for.</param>
/// <param name="time">The clock.</param>
/// <param name="start">How the stream began that is gone on with; null for one from its beginning.</param>
internal sealed class ChatCompletionForm(string model, TimeProvider time, StreamStart? start)
{
    private readonly string _id = start?.Id ?? OpenAiJson.NewId("chatcmpl-");
    private readonly long _created = start?.Created ?? time.GetUtcNow().ToUnixTimeSeconds();
    private bool _begun = start is not null;
    private bool _called;

    /// <summary>The whole answer, or the prompt that <c>_debug_render_only</c> asks for.</summary>
    public void WriteWhole(ref JsonText json, GatheredAnswer answer, int images)
    {
        var calls = FunctionCall.FromOllama(answer.ToolCalls);
        _called = calls.Count > 0;
        OpenAiJson.Begin(ref json, _id, "chat.completion", _created);
        OpenAiJson.Model(ref json, model);
        BeginChoices(ref json);
        json.Name("message"u8);
        json.BeginObject();
        json.Name("role"u8);
        json.Value(answer.RenderedPrompt is null ? "assistant" : "");
        json.Name("content"u8);
        json.Value(answer.Text);
        Rest(ref json, answer.Thinking, calls);
        json.EndObject();
        OpenAiJson.FinishReason(ref json, answer.RenderedPrompt is null && answer.Result is { } ended ? ReasonOf(ended) : null);
        Logprobs(ref json, answer.Logprobs);
        EndChoices(ref json);
        OpenAiJson.Usage(ref json, answer.Result);
        if (answer.RenderedPrompt is { } prompt)
            MetricsJson.RenderedPrompt(ref json, prompt, images);
        SessionFields.Write(ref json, answer.Result);
        json.EndObject();
    }

    /// <summary>What an update adds to a stream: nothing, one event, or one for the thinking and one for the rest.</summary>
    public void WritePiece(Sse events, GenerationUpdate update)
    {
        var calls = update.ToolCalls is { } made ? FunctionCall.FromOllama(made) : [];
        _called |= calls.Count > 0;
        var says = update.Text.Length > 0 || calls.Count > 0;
        if (says || update.Thinking.Length > 0 || update.Logprobs is { Count: > 0 } || (update.Result is not null && !_begun))
        {
            if (says && update.Thinking.Length > 0)
            {
                Delta(events, null, update.Thinking, [], update.Logprobs);
                Delta(events, update.Text, "", calls, null);
            }
            else
            {
                Delta(events, update.Text, update.Thinking, calls, update.Logprobs);
            }
        }
    }

    /// <summary>The end of a stream.</summary>
    public void WriteEnd(Sse events, GenerationResult result, bool usage)
    {
        var json = events.Begin();
        OpenAiJson.Begin(ref json, _id, "chat.completion.chunk", _created);
        OpenAiJson.Model(ref json, model);
        BeginChoices(ref json);
        json.Name("delta"u8);
        json.BeginObject();
        json.EndObject();
        OpenAiJson.FinishReason(ref json, ReasonOf(result));
        EndChoices(ref json);
        SessionFields.Write(ref json, result);
        json.EndObject();
        events.End();
        if (usage)
        {
            json = events.Begin();
            OpenAiJson.Begin(ref json, _id, "chat.completion.chunk", _created);
            OpenAiJson.Model(ref json, model);
            json.Name("choices"u8);
            json.BeginArray();
            json.EndArray();
            OpenAiJson.Usage(ref json, result);
            json.EndObject();
            events.End();
        }
        events.Add("[DONE]"u8);
    }

    private void Delta(Sse events, string? text, string thinking, List<FunctionCall> calls, IReadOnlyList<TokenLogprob>? logprobs)
    {
        var json = events.Begin();
        OpenAiJson.Begin(ref json, _id, "chat.completion.chunk", _created);
        OpenAiJson.Model(ref json, model);
        BeginChoices(ref json);
        json.Name("delta"u8);
        json.BeginObject();
        if (!_begun)
        {
            json.Name("role"u8);
            json.Value("assistant");
        }
        _begun = true;
        if (text is not null)
        {
            json.Name("content"u8);
            json.Value(text);
        }
        Rest(ref json, thinking, calls);
        json.EndObject();
        OpenAiJson.FinishReason(ref json, null);
        Logprobs(ref json, logprobs);
        EndChoices(ref json);
        json.EndObject();
        events.End();
    }

    private string ReasonOf(GenerationResult result) => result.Reason == FinishReason.Length ? "length" : _called ? "tool_calls" : "stop";

    private static void BeginChoices(ref JsonText json)
    {
        json.Name("choices"u8);
        json.BeginArray();
        json.BeginObject();
        json.Name("index"u8);
        json.Value(0L);
    }

    private static void EndChoices(ref JsonText json)
    {
        json.EndObject();
        json.EndArray();
    }

    private static void Rest(ref JsonText json, string thinking, List<FunctionCall> calls)
    {
        if (thinking.Length > 0)
        {
            json.Name("reasoning"u8);
            json.Value(thinking);
        }
        if (calls.Count == 0)
            return;
        json.Name("tool_calls"u8);
        json.BeginArray();
        foreach (var call in calls)
            call.Write(ref json);
        json.EndArray();
    }

    private static void Logprobs(ref JsonText json, IReadOnlyList<TokenLogprob>? logprobs)
    {
        if (logprobs is not { Count: > 0 })
            return;
        json.Name("logprobs"u8);
        json.BeginObject();
        MetricsJson.Logprobs(ref json, "content"u8, logprobs);
        json.EndObject();
    }
}
